"""The mean spectrum of tiles of different defocus, each with its rings moved to where those of the mean defocus are.

Elferich et al., eLife 13 (2024) RP97227: only so does the mean of a tilted specimen keep its outer rings.
"""

from dataclasses import replace

import numpy as np

from spa.compiled import kernel
from spa.ctffit.refine import Defocus
from spa.ctffit.rings import SECTORS, Rings
from spa.image.ctf import Lens, wavelength


def aligned(values: np.ndarray, rings: Rings, lens: Lens, defocus: Defocus, delta: np.ndarray) -> Rings:
    """``rings`` with the mean of tile values (n, bins), whose defocus is off by ``delta`` (n,) angstroms."""
    _, a, b, _ = defocus.parameters
    local = defocus.mean + (a * rings.cos2 + b * rings.sin2) / rings.k2
    last = int(rings.ring.max())
    place = np.full((last + 2, SECTORS), -1, np.int32)
    place[rings.ring, rings.sector] = np.arange(len(rings.ring))
    total, weight = np.zeros(len(rings.ring)), np.zeros(len(rings.ring))
    bend = float(lens.cs * 1e7 * wavelength(lens.voltage) ** 2)
    _move(values, rings.k2, local, rings.count, rings.ring.astype(np.int32), rings.sector.astype(np.int32), place,
          np.asarray(delta, float), bend, rings.step, total, weight)  # fmt: skip
    value = np.where(weight > 0, total / np.maximum(weight, 1e-30), rings.value)
    return replace(rings, value=value)


@kernel(
    "void(f4[:,::1], f8[::1], f8[::1], f8[::1], i4[::1], i4[::1], i4[:,::1], f8[::1], f8, f8, f8[::1], f8[::1])",
)  # fmt: skip
def _move(values, k2, local, count, ring, sector, place, delta, bend, step, total, weight):  # type: ignore[no-untyped-def]
    """Add each bin of each tile to the two rings (of the same sector) between which its phase belongs.

    ``local·K - bend·K²/2`` is the phase of the mean at K = k² (over pi lambda); delta·k² more is that of the tile.
    """
    for tile in range(len(values)):
        for at in range(len(k2)):
            wanted = (local[at] + delta[tile]) * k2[at] - 0.5 * bend * k2[at] ** 2
            if bend > 1.0:
                inside = local[at] ** 2 - 2 * bend * wanted
                if inside <= 0 or local[at] - bend * k2[at] <= 0 or local[at] + delta[tile] - bend * k2[at] <= 0:
                    continue
                found = (local[at] - np.sqrt(inside)) / bend
            else:
                found = wanted / local[at]
            if found <= 0:
                continue
            radius = ring[at] + (np.sqrt(found) - np.sqrt(k2[at])) / step
            if radius < 0 or radius >= len(place) - 1:
                continue
            low = int(radius)
            part = radius - low
            for target, share in ((low, 1 - part), (low + 1, part)):
                bin_ = place[target, sector[at]]
                if bin_ >= 0 and share > 0:
                    total[bin_] += share * count[at] * values[tile, at]
                    weight[bin_] += share * count[at]
