"""How long a table of 100 000 rows and 25 columns takes: ``python tests/benchmarks/star.py [ROWS]``.

CPU seconds of this process, best of five, to read and to write; the columns are those of a refinement.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from spa.io import star


def table(rows: int) -> star.Table:
    """25 columns: names, whole numbers, floats as RELION has them."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {
        "rlnImageName": [f"{n % 500 + 1:06d}@Extract/job012/mics/FoilHole_{n // 500:05d}.mrcs" for n in range(rows)],
        "rlnMicrographName": [f"MotionCorr/job003/mics/FoilHole_{n // 500:05d}.mrc" for n in range(rows)],
    }
    for name in ("rlnOpticsGroup", "rlnClassNumber", "rlnRandomSubset"):
        columns[name] = rng.integers(1, 3, rows)
    for number in range(20):
        columns[f"rlnFloat{number}"] = np.round(rng.normal(0, 1e3, rows), 6)
    return star.Table.of(**columns)


def best(action: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, copy = Path(folder) / "a.star", Path(folder) / "b.star"
        star.write(star.Tables({"particles": table(rows)}), path)
        read = best(lambda: star.read(path))
        tables = star.read(path)
        write = best(lambda: star.write(tables, copy))
        both = best(lambda: star.write(star.read(path), copy))
        floats = best(lambda: tables["particles"].floats("rlnFloat3"))
        print(f"{rows} rows x {len(tables['particles'].columns)} columns, {path.stat().st_size / 1e6:.1f} MB")
        print(f"read {read:.2f} s, write {write:.2f} s, both {both:.2f} s, one column to floats {floats:.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
