"""Lay a map upon the one it was simulated from, either hand, and print where their FSC falls below 0.5.

    python against_truth.py MAP TRUTH      boxes of one width in angstroms; any pixel sizes
"""

import sys

from spa.io import mrc
from spa.symmetry import align
from spa.volume.fsc import crossing


def main(found_path: str, truth_path: str) -> None:
    found, truth = mrc.read(found_path), mrc.read(truth_path)
    width = len(found.data) * found.pixel_size
    if abs(len(truth.data) * truth.pixel_size - width) > 0.01 * width:
        sys.exit(f"{truth_path}: its box is {len(truth.data) * truth.pixel_size:g} A wide, not {width:g}")
    radius = min(len(found.data), len(truth.data)) // 2 - 1
    coarse = align.fit(found.data, truth.data, max(4, int(width / 25)))
    curve = align.shell_correlation(found.data, truth.data, coarse, radius)
    hand = "the other hand" if coarse.mirrored else "the same hand"
    print(f"map against truth: FSC above 0.5 to {width / crossing(curve, 0.5):.2f} A ({hand}; images cannot tell)")


if __name__ == "__main__":
    main(*sys.argv[1:])
