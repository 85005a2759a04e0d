"""Small sets, made and worked on by spa, for RELION's programs to take as they are; and RELION itself, where it is."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import run_spa
from spa.volume.fsc import fsc

Relion = Callable[..., str]


@pytest.fixture(scope="session")
def relion() -> Relion:
    """``relion(program, folder, *words)`` runs ``relion_PROGRAM`` there, which must succeed, and gives what it said."""
    if not shutil.which("relion_refine") or not shutil.which("relion_preprocess"):
        pytest.skip("RELION is not here (Debian: apt-get install relion)")

    def run(program: str, folder: Path, *words: object) -> str:
        done = subprocess.run([f"relion_{program}", *map(str, words)], cwd=folder, capture_output=True, text=True)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-3000:]
        return said

    return run


def spa(folder: Path, line: str) -> str:
    """Run ``spa LINE`` in a folder, which must succeed; standard error."""
    result = run_spa(*line.split(), cwd=folder)
    assert result.status == 0, result.stderr
    return result.stderr


@pytest.fixture(scope="session")
def refined(relion: Relion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with P/ (300 images of a D2 phantom) and what `refine homo` made of them: r.star and R/."""
    folder = tmp_path_factory.mktemp("refined")
    spa(folder, "simulate particles -d P -o p.star --symmetry D2 --box 48 --pixel-size 3.5 --n 300 --snr 1")
    spa(folder, "refine homo p.star -d R -o r.star --reference P/truth.mrc --lowpass 30 --symmetry D2 --iterations 3")
    return folder


@pytest.fixture(scope="session")
def extracted(relion: Relion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with micrographs M/ and every table from them to boxes: m.star, ctf.star, picks.star, x.star (X/)."""
    folder = tmp_path_factory.mktemp("extracted")
    specimen = "--symmetry D2 --box 72 --pixel-size 2.5 --particles 30 --gap 20 --snr 0.3"
    spa(folder, f"simulate micrographs -d M -o sim.star --n 2 --size 960 900 {specimen}")
    spa(folder, "import micrographs M/mic*.mrc -o m.star --pixel-size 2.5")
    spa(folder, "ctf patch m.star -d Ctf -o ctf.star")
    spa(folder, "pick blob ctf.star -d M -o picks.star --diameter 90 120")
    spa(folder, "extract particles picks.star -d X -o x.star --box 72 --crop 48")
    return folder


def voxels(path: Path) -> np.ndarray:
    """A map as an array."""
    return np.asarray(mrc.read(path).data, np.float32)


def agreement(a: Path, b: Path, mask: Path) -> np.ndarray:
    """FSC of two maps within a mask, by shell."""
    solvent = voxels(mask)
    return fsc(voxels(a) * solvent, voxels(b) * solvent)


def scale(a: Path, b: Path, mask: Path) -> float:
    """The factor that takes map a to map b within a mask, by least squares."""
    x, y = voxels(a) * voxels(mask), voxels(b) * voxels(mask)
    return float((x * y).sum() / (x * x).sum())


def resolved(refined: Path) -> int:
    """The last shell of `refined` at or above FSC 0.143, and at least two shells from the edge of the box.

    (There RELION's trilinear grid and ours end differently.)
    """
    curve = star.read(refined / "R" / "fsc.star")["fsc"].floats("rlnGoldStandardFsc")
    below = np.flatnonzero(curve < 0.143)
    last = int(below[0]) - 1 if below.size else len(curve) - 1
    assert last > 8, "the set is too bad to compare anything on"
    return min(last, len(curve) - 3)


def pairs(ours: Path, theirs: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A numeric column of two particle tables, rows joined by their images."""
    tables = [star.read(path)["particles"] for path in (ours, theirs)]
    found = [dict(zip(table.text("rlnImageName"), table.floats(name))) for table in tables]
    assert set(found[0]) == set(found[1]) and found[0]
    keys = sorted(found[0])
    return np.array([found[0][key] for key in keys]), np.array([found[1][key] for key in keys])
