"""What `refine flex`, `vary linear` or `vary neural` makes of the swinging Fab of `heterogeneity.py swing DATA`.

``python tests/benchmarks/flex.py TABLE DIR DATA`` prints Spearman's correlation of the coordinates and of the place on
the curve with the angle, and how far that place is from its angle's mean, in its own errors; the FSC, in the Fab's
mask, of DIR/map.mrc and of the map without motions (DIR/rigid.mrc; of the other jobs DIR/mean.mrc alone) with the true
volume that each is most like; and the mean over the angles of the area under the FSC of the series' volumes (along the
curve, or along the only coordinate: the one that particles of the angle have in the median) with the truth, beside
that of the map itself.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from spa.io import mrc, star
from spa.volume.fsc import crossing, fsc
from spa.volume.masks import soft_mask


def calibrated(particles: star.Table) -> None:
    """Places on the curve against the mean of those of their angle."""
    angle, place, error = (particles.floats(name) for name in ("spaTruth", "spaLatentPath", "spaLatentPathError"))
    mean = {one: place[angle == one].mean() for one in np.unique(angle)}
    away = (place - np.array([mean[one] for one in angle])) / error
    print(f"place on the curve: error {error.mean():.3f} in the mean, away {np.sqrt((away**2).mean()):.2f} of it (rms)")


def fab(found: dict[str, np.ndarray], truth: np.ndarray, pixel_size: float) -> None:
    """FSC of maps with the truths (k, n, n, n) in the mask of what is not in all of them."""
    n, middle = truth.shape[1], len(truth) // 2
    swings = np.maximum(truth[middle] - truth.min(axis=0), 0)
    mask, _ = soft_mask(swings, pixel_size, resolution=15, extend=4, edge=8)
    for name, volume in found.items():
        curves = [fsc(volume * mask, truth[k] * mask) for k in range(middle - 6, middle + 7)]
        best = max(curves, key=lambda curve: float(curve[1:].mean()))
        half, last = (n * pixel_size / crossing(best, level) for level in (0.5, 0.143))
        print(f"{name}: Fab FSC 0.5 at {half:.2f} A, 0.143 at {last:.2f} A, area {best[1:].mean():.4f}")


def series(tables: star.Tables, still: np.ndarray, truth: np.ndarray, pixel_size: float) -> None:
    """Areas under FSC of the series and of a map that does not move."""
    particles, listed = tables["particles"], tables["series"]
    component = listed.ints("spaComponent").min()
    angle, z = particles.floats("spaTruth"), particles.floats("spaLatent1" if component else "spaLatentPath")
    here = listed.ints("spaComponent") == component
    values, names = listed.floats("spaLatentValue")[here], listed.text("spaMapName")[here]
    volumes = [mrc.read(name).data for name in names]
    mask, _ = soft_mask(truth.max(axis=0), pixel_size, resolution=15, extend=6, edge=8)
    moved, fixed = [], []
    for number, one in enumerate(np.unique(angle)):
        nearest = int(np.abs(values - np.median(z[angle == one])).argmin())
        moved.append(fsc(volumes[nearest] * mask, truth[number] * mask)[1:].mean())
        fixed.append(fsc(still * mask, truth[number] * mask)[1:].mean())
    print(f"FSC area, mean over {len(moved)} angles: {np.mean(moved):.4f}; of the map itself {np.mean(fixed):.4f}")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    for name in ("table", "folder", "data"):
        words.add_argument(name, type=Path)
    given = words.parse_args()
    tables = star.read(given.table)
    particles = tables["particles"]
    for name in ("spaLatent1", "spaLatent2", "spaLatentPath"):
        if name in particles:
            found = spearmanr(particles.floats(name), particles.floats("spaTruth")).statistic
            print(f"{name}: Spearman {abs(found):.4f}")
    calibrated(particles)
    images = [mrc.read(path) for path in sorted(given.data.glob("truth???.mrc"))]
    truth, pixel_size = np.stack([one.data for one in images]), images[0].pixel_size
    names = [name for name in ("map", "rigid", "mean") if (given.folder / f"{name}.mrc").exists()]
    maps = {name: mrc.read(given.folder / f"{name}.mrc").data for name in names}
    fab(maps, truth, pixel_size)
    series(tables, maps[names[0]], truth, pixel_size)


if __name__ == "__main__":
    main()
