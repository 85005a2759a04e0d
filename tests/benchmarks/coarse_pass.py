"""How fast the exhaustive pass is: its floating point operations a second against those of one large matrix product.

    python tests/benchmarks/coarse_pass.py [--images 64] [--plot FILE]

One BLAS thread. The operations counted are those of both products; ramps, the maximum over shifts and the choice of
candidates are overhead. The table shows how the time grows with images, band and orientations; it should follow the
count of operations.
"""

import argparse
import time

import numpy as np

from spa.image.disc import disc
from spa.job.threads import single_blas
from spa.search import exhaustive, orientations
from spa.search.images import Block

BOX, REACH = 96, 5.0  # pixels


def seconds(work, least: float = 0.5) -> float:  # type: ignore[no-untyped-def]
    """CPU time of a call, the best of several."""
    best, spent = np.inf, 0.0
    while spent < least:
        start = time.process_time()
        work()
        took = time.process_time() - start
        best, spent = min(best, took), spent + took
    return best


def peak(size: int = 1536) -> float:
    """Operations a second of a large square product in single precision."""
    a = np.random.default_rng(0).standard_normal((size, size), np.float32)
    return 2 * size**3 / seconds(lambda: a @ a)


def case(images: int, band: int, step: float) -> tuple[int, int, int, float, float]:
    """Orientations, shifts, coefficients, operations and seconds of one pass."""
    rng = np.random.default_rng(1)
    whole = disc(BOX, band)
    block = Block(
        whole, rng.standard_normal((images, 2, len(whole)), np.float32),
        rng.standard_normal((images, len(whole)), np.float32),
    )  # fmt: skip
    poses = orientations.grid(np.deg2rad(step), np.eye(3)[None], rng)
    columns = exhaustive.columns(poses, rng.standard_normal((len(poses), 2, len(whole)), np.float32))
    shifts = orientations.shift_grid(max(0.25 * BOX / band, 1.0), REACH)
    work = 2 * images * len(poses) * len(whole) * (2 * len(shifts) + 1)
    took = seconds(lambda: exhaustive.search(block, columns, shifts, 2.0, 60))
    return len(poses), len(shifts), len(whole), work, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--plot")
    asked = parser.parse_args()
    with single_blas():
        most = peak()
        print(f"one product of 1536 x 1536: {most / 1e9:.1f} GF/s")
        print("images  step  band  orientations  shifts  coefficients  ms/image   GF/s  share of the product's")
        found = []
        for images, band, step in ((16, 9, 15), (asked.images, 9, 15), (asked.images, 14, 15), (asked.images, 14, 12),
                                   (asked.images, 18, 12), (2 * asked.images, 14, 12)):  # fmt: skip
            grid, shifts, width, work, took = case(images, band, step)
            found.append((work, took))
            print(f"{images:6d} {step:5d} {band:5d} {grid:13d} {shifts:7d} {width:13d} {1e3 * took / images:9.2f}"
                  f" {work / took / 1e9:6.1f} {work / took / most:8.0%}")  # fmt: skip
    if asked.plot:
        from matplotlib import pyplot

        work, took = np.array(found).T
        pyplot.loglog(work, took, "o", work, work / most, "-")
        pyplot.xlabel("floating point operations")
        pyplot.ylabel("CPU seconds (line: at the rate of one large product)")
        pyplot.savefig(asked.plot)


if __name__ == "__main__":
    main()
