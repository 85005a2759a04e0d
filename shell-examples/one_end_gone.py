"""Write a map that lacks the end beyond 8 A along x, with a soft edge.

    python one_end_gone.py MAP OUTPUT
"""

import sys

import numpy as np

from spa.io import mrc


def main(source: str, output: str) -> None:
    whole = mrc.read(source)
    side = len(whole.data)
    x = (np.arange(side) - side // 2) * whole.pixel_size
    kept = 1 / (1 + np.exp((x - 8.0) / 3.0))
    mrc.write(output, (whole.data * kept).astype(np.float32), whole.pixel_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
