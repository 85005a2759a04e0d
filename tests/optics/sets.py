"""Sets whose user's table has the true poses."""

from pathlib import Path

from spa.io import star
from spa.testing import run_spa

SET = "--symmetry D2 --box 64 --pixel-size 1.5 --specimen-diameter 60 --n 240 --snr 1 --defocus 5000 12000"
PLANTED = ("--beam-tilt 0.8 -0.5 --odd-zernike 2 20 --odd-zernike 5 -15 --cs-error 0.6 --even-zernike 4 60 "
           "--even-zernike 8 -50 --magnification 2 30")  # fmt: skip
POSES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst", "rlnRandomSubset")


def simulated(folder: Path, words: str, name: str = "P") -> Path:
    """A folder with P/ (or name/) and posed.star: what a user has, and the true poses."""
    result = run_spa("simulate", "particles", "-d", name, "-o", "p.star", *words.split(), cwd=folder)
    assert result.status == 0, result.stderr
    truth, blind = (star.read(folder / name / f"{kind}.star") for kind in ("truth", "particles"))
    table = blind["particles"].with_columns(**{one: truth["particles"].text(one) for one in POSES})
    star.write(blind.with_block("particles", table), folder / "posed.star")
    return folder
