"""Sets with planted aberrations or errors of the defocus, and one without."""

from pathlib import Path

import pytest

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
