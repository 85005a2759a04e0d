"""Sets with planted aberrations or errors of the defocus, and one without; picks; a bare stack."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from tests.optics.sets import PLANTED, SET, simulated


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("planted"), f"{SET} {PLANTED}")


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("plain"), SET)


@pytest.fixture(scope="session")
def defocused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Defocus wrong by up to 400 A, micrographs of 40."""
    return simulated(tmp_path_factory.mktemp("defocused"), f"{SET} --defocus-error 400 --per-micrograph 40")


@pytest.fixture
def picks(tiny_micrograph: Path, tmp_path: Path) -> Path:
    """The nine discs of the tiny micrograph, as picks."""
    xy = np.loadtxt(tmp_path / "truth.txt")
    table = star.Table.of(
        rlnMicrographName=str(tmp_path / "tiny.mrc"), rlnCoordinateX=xy[:, 0], rlnCoordinateY=xy[:, 1],
        rlnAutopickFigureOfMerit=np.arange(9.0), rlnRandomSubset=[1, 2, 1, 2, 1, 2, 1, 2, 1],
    )  # fmt: skip
    star.write(star.read(tiny_micrograph).with_block("particles", table), tmp_path / "p.star")
    return tmp_path / "p.star"


@pytest.fixture
def five_images(tmp_path: Path) -> Path:
    """The folder of s.mrcs: noise on a slope, 24 pixels of 1.5 A."""
    y, x = np.mgrid[:24, :24]
    images = np.random.default_rng(0).normal(50, 7, size=(5, 24, 24)) + 2 * x - y
    mrc.write(tmp_path / "s.mrcs", images.astype("f4"), 1.5)
    return tmp_path
