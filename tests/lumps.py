"""Images of a lump at known poses, to which more is added: what varies is planted, particle by particle."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from spa.image.ctf import Lens
from spa.io import mrc, star
from spa.model.poses import matrices
from spa.simulate.optics import Defocus
from spa.simulate.particles import clean_images
from spa.simulate.specimen import of_map
from spa.testing import run_spa

LENS = Lens(300.0, 2.7, 0.1)


@dataclass(frozen=True, eq=False)
class Lump:
    """The set of `spa simulate particles` in FOLDER/a: its map (box, box, box), images (n, box, box), and truth."""

    folder: Path
    pixel_size: float
    truth: star.Tables
    map: np.ndarray
    images: np.ndarray

    def seen(self, more: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """What another map adds to the images of some rows."""
        table, box = self.truth["particles"].take(rows), len(more)
        poses = matrices(*np.deg2rad([table.floats(f"rlnAngle{x}") for x in ("Rot", "Tilt", "Psi")]))
        origins = np.stack([table.floats(f"rlnOrigin{x}Angst") for x in "XY"], axis=1)
        u, v, angle = (table.floats(f"rlnDefocus{x}") for x in ("U", "V", "Angle"))
        map_ = SimpleNamespace(data=more.astype(np.float32), pixel_size=self.pixel_size, origin=(0.0, 0.0, 0.0))
        specimen = of_map(map_, box, self.pixel_size, "C1")
        return clean_images(specimen, poses, origins, LENS, Defocus(u, v, np.deg2rad(angle)), box, self.pixel_size)

    def write(self, name: str, images: np.ndarray, planted: np.ndarray) -> None:
        """NAME.mrcs and NAME.star, with what is planted in spaTruth."""
        stack = self.folder / f"{name}.mrcs"
        mrc.write(stack, images.astype(np.float32), self.pixel_size)
        names = [f"{i + 1:06d}@{stack}" for i in range(len(images))]
        rows = self.truth["particles"].with_columns(rlnImageName=names, spaTruth=planted.astype(float))
        star.write(self.truth.with_block("particles", rows), self.folder / f"{name}.star")


def simulated(folder: Path, box: int, pixel_size: float, n: int, snr: float, diameter: float) -> Lump:
    """n images of a lump of a diameter (angstroms)."""
    made = run_spa("simulate", "particles", "-d", folder / "a", "--box", box, "--pixel-size", pixel_size, "--n", n,
                   "--snr", snr, "--specimen-diameter", diameter, "--seed", 1)  # fmt: skip
    assert made.status == 0, made.stderr
    return Lump(folder, pixel_size, star.read(folder / "a" / "truth.star"), mrc.read(folder / "a" / "truth.mrc").data,
                np.array(mrc.read(folder / "a" / "particles.mrcs").data))  # fmt: skip
