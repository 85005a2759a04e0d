"""Kernels and the steps made of them on a card, each beside its floor, in one table.

    python tests/benchmarks/gpu/table.py [--device cuda] [--box 256] [--images 512] [--step 7.5] [--side 4096]
                                         [--frames 40] [--only WORD]

The card's own rates are measured first: a large square product, and clearing a large array. A floor is the larger of
what must be read and written over the one, and of the operations of products over the other; what else a step does
(ramps, the choice of candidates, waiting for the host) is overhead. `--emulated` tries the script, small, without a
card: its figures mean nothing.
"""

import argparse
import sys
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))  # for the emulated device and the cases, which are of the tests

from spa.gpu.device import open_device
from tests.benchmarks.gpu import frontend, refiners
from tests.benchmarks.gpu.case import HEAD, rates, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--box", type=int, default=256)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--step", type=float, default=7.5, help="of the coarse grid, degrees")
    parser.add_argument("--side", type=int, default=4096, help="of a movie's frames, pixels")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    asked = parser.parse_args()
    if asked.emulated:
        from tests.gpu import emulated

        device, size = emulated.device(), 256
    else:
        device, size = open_device(asked.device), 8192
    found = rates(device, size)
    name = f"{device.driver.name}, {device.driver.libraries}"
    rate = f"{found.flops / 1e12:.2f} TFLOP/s in a product of {size}^2"
    print(f"{name}: {rate}, {found.bandwidth / 1e9:.0f} GB/s cleared")
    print(HEAD)
    every = chain(
        refiners.cases(device, asked.box, asked.images, asked.step), frontend.cases(device, asked.side, asked.frames)
    )
    for case in every:
        if asked.only in case.name:
            print(found.line(case, seconds(device, case.work, 1 if asked.emulated else case.times)), flush=True)


if __name__ == "__main__":
    main()
