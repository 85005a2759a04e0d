"""How fast the exhaustive pass is: its floating point operations a second against those of one large matrix product.

    python tests/benchmarks/coarse_pass.py [--images 64] [--plot FILE]

One BLAS thread. The operations counted are those of both products; ramps, the maximum over shifts and the choice of
candidates are overhead. The table shows how the time grows with images, band and orientations; it should follow the
count of operations. Where the processor has a tile unit, the pass is shown with it, too, beside one large product of
packed operands there, and how many of the candidates that float32 chooses are among those that it chooses, and of the
best ones.
"""

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np

from spa.image import amx, tiles
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


def tile_peak(size: int = 1536) -> float:
    """The same on the tile unit."""
    a = np.random.default_rng(0).standard_normal((size, size), np.float32)
    left, right = tiles.left(a), tiles.right(a)
    return 2 * size**3 / seconds(lambda: tiles.product(left, right, size, size))


@dataclass(frozen=True, eq=False)
class Case:
    """One pass: what is searched, and what is kept of it."""

    block: Block
    columns: exhaustive.Columns
    shifts: np.ndarray
    keep: int = 60

    @property
    def work(self) -> int:
        """Operations of both products."""
        return 2 * len(self.block) * len(self.columns.poses) * len(self.block.kx) * (2 * len(self.shifts) + 1)

    def searched(self, unit: bool) -> exhaustive.Candidates:
        columns = self.columns if unit else replace(self.columns, blocks=None)
        return exhaustive.search(self.block, columns, self.shifts, 2.0, self.keep)

    def kept(self) -> tuple[float, float]:
        """Of float32's candidates, and of its best: the share that the tile unit chooses, too."""
        with_unit, without = self.searched(True).pose, self.searched(False).pose
        pairs = list(zip(with_unit, without))
        every = np.mean([np.isin(b, a).mean() for a, b in pairs])
        return float(every), float(np.mean([b[0] in a for a, b in pairs]))


def case(images: int, band: int, step: float) -> Case:
    rng = np.random.default_rng(1)
    whole = disc(BOX, band)
    block = Block(
        whole, rng.standard_normal((images, 2, len(whole)), np.float32),
        rng.standard_normal((images, len(whole)), np.float32),
    )  # fmt: skip
    poses = orientations.grid(np.deg2rad(step), np.eye(3)[None], rng)
    columns = exhaustive.columns(poses, rng.standard_normal((len(poses), 2, len(whole)), np.float32))
    return Case(block, columns, orientations.shift_grid(max(0.25 * BOX / band, 1.0), REACH))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--plot")
    asked = parser.parse_args()
    units = [False, True] if amx.there() else [False]
    with single_blas():
        most = {unit: tile_peak() if unit else peak() for unit in units}
        for unit, rate in most.items():
            print(f"one product of 1536 x 1536, {'tile unit' if unit else 'float32'}: {rate / 1e9:.0f} GF/s")
        print("images  step  band  orientations  shifts  coefficients" + "  ms/image   GF/s  share" * len(units)
              + "  candidates and best ones kept" * (len(units) - 1))  # fmt: skip
        found = []
        for images, band, step in ((16, 9, 15), (asked.images, 9, 15), (asked.images, 14, 15), (asked.images, 14, 12),
                                   (asked.images, 18, 12), (2 * asked.images, 14, 12)):  # fmt: skip
            one = case(images, band, step)
            print(f"{images:6d} {step:5d} {band:5d} {len(one.columns.poses):13d} {len(one.shifts):7d}"
                  f" {len(one.block.kx):13d}", end="")  # fmt: skip
            for unit in units:
                took = seconds(lambda one=one, unit=unit: one.searched(unit))
                print(f" {1e3 * took / images:9.2f} {one.work / took / 1e9:6.0f} {one.work / took / most[unit]:6.0%}",
                      end="")  # fmt: skip
            print("".join(f" {share:9.1%}" for share in one.kept()) if True in units else "", flush=True)
            found.append((one.work, took))
    if asked.plot:
        from matplotlib import pyplot

        work, took = np.array(found).T
        pyplot.loglog(work, took, "o", work, work / most[units[-1]], "-")
        pyplot.xlabel("floating point operations")
        pyplot.ylabel("CPU seconds (line: at the rate of one large product)")
        pyplot.savefig(asked.plot)


if __name__ == "__main__":
    main()
