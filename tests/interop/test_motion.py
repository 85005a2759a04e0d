"""RELION's motion correction takes our tables, turns gains as we do, and our figures read its motion STAR."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.recipe import motion as motion_star
from tests.interop.conftest import spa

NX = NY = 320


@pytest.fixture(scope="module")
def movie(relion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("movie")
    spa(folder, f"simulate movies -d S -o m.star --n 1 --size {NX} {NY} --frames 8 --dose 4 --pixel-size 3 --box 48 "
                "--specimen-diameter 100 --particles 40 --gap 0 --ice 0.06 --contrast 0.12 --local 0 --drift 12 "
                "--gain-spread 0.2 --bad-pixels 0")  # fmt: skip
    spa(folder, "motion patch m.star -d M -o sums.star --patches 3x3 --save non-weighted")
    return folder


def test_it_prints_our_tables_and_our_motion(relion, movie: Path) -> None:
    for file, block, column in (("m.star", "movies", "rlnMicrographMovieName"),
                                ("sums.star", "micrographs", "rlnMicrographMetadata"),
                                ("M/mov00001.star", "global_shift", "rlnMicrographShiftX"),
                                ("M/mov00001.star", "local_motion_model", "rlnMotionModelCoeff")):  # fmt: skip
        printed = relion("star_printtable", movie, file, f"data_{block}", f"_{column}").split()
        listed = star.read(movie / file)[block].listed(column)
        assert printed[-len(listed) :] == listed


@pytest.mark.parametrize("rotate, flip", [(0, 0), (1, 0), (3, 2), (2, 1)])
def test_gains_are_turned_alike(relion, movie: Path, rotate: int, flip: int) -> None:
    """A gain laid wrongly, and turned back by either program, gives sums without the camera's pattern."""
    from spa.io import gain

    true = np.asarray(mrc.read(movie / "S/gain.mrc").data)
    ways = ((r, f) for r in range(4) for f in range(3))
    back = next(way for way in ways if np.array_equal(gain.turned(gain.turned(true, *way), rotate, flip), true))
    mrc.write(movie / "laid.mrc", gain.turned(true, *back), 3.0)
    (movie / "R").mkdir(exist_ok=True)
    relion("run_motioncorr", movie, "--i", "m.star", "--o", "R/", "--use_own", "--j", 1, "--gainref", "laid.mrc",
           "--gain_rot", rotate, "--gain_flip", flip, "--angpix", 3, "--voltage", 300,
           "--dose_per_frame", 4)  # fmt: skip
    theirs = np.asarray(mrc.read(next((movie / "R").rglob("mov00001.mrc"))).data, float)
    ours = np.asarray(mrc.read(movie / "M/mov00001_noDW.mrc").data, float)
    inside = (slice(20, -20), slice(20, -20))
    assert np.corrcoef(theirs[inside].ravel(), ours[inside].ravel())[0, 1] > 0.6  # with the pattern in one of them: 0.1
    model = motion_star.read(next((movie / "R").rglob("mov00001.star"))).model
    mine = motion_star.read(movie / "M/mov00001.star").model
    apart = model.displacements(np.zeros((1, 2))) - mine.displacements(np.zeros((1, 2)))
    assert np.abs(apart - apart.mean(1, keepdims=True)).max() < 1.0
