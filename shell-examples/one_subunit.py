"""Of a map's mask, the part that is nearer to one subunit than to its copies: soft, for `--focus-mask`.

    python one_subunit.py MAP MASK GROUP OUT      the subunit is the one that holds the densest place off the axes
"""

import sys

import numpy as np
from scipy.ndimage import gaussian_filter

from spa.io import mrc
from spa.volume.symmetry import operators

SMOOTH = 8.0  # angstroms: of the places that are compared, and of the edge


def main(map_path: str, mask_path: str, group: str, out: str) -> None:
    found, mask = mrc.read(map_path), mrc.read(mask_path).data
    n, sigma = len(found.data), SMOOTH / found.pixel_size
    smooth = gaussian_filter(found.data * mask, sigma)
    z, y, x = np.indices((n, n, n)) - n // 2
    places = np.stack([x, y, z], axis=-1).astype(float)
    weight = smooth * np.minimum(np.hypot(x, y) / (0.1 * n), 1)  # on an axis all copies are one
    centre = places[np.unravel_index(weight.argmax(), weight.shape)]
    away = np.stack([((places - turn @ centre) ** 2).sum(axis=-1) for turn in operators(group)])
    own = away.argmin(axis=0) == int(np.argmin(away[(slice(None), *(centre[::-1].astype(int) + n // 2))]))
    mrc.write(out, (gaussian_filter(own.astype(np.float32), sigma / 2) * mask).astype(np.float32), found.pixel_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
