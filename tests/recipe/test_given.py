"""What refinements are given: the size of their map, where it begins, and its frame."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc
from spa.job.run import Run
from spa.recipe import given
from spa.volume.masks import soft_sphere


def a_run(folder: Path) -> Run:
    return Run("refine homo", {"outdir": str(folder), "threads": 1, "quiet": True})


def test_the_breadth_is_that_of_a_ball() -> None:
    for radius in (10, 16):
        ball = soft_sphere(64, radius, 1)
        assert given.measured_breadth(ball, 5.0) == pytest.approx(10 * radius, rel=0.15)
        away = np.roll(ball, 6, axis=2)  # wherever it lies
        assert given.measured_breadth(away, 5.0) == pytest.approx(10 * radius, rel=0.15)


def test_a_map_that_the_particles_made_begins_finer_than_one_that_is_named() -> None:
    named = given.Asked("a.mrc", None, "C1", None, None, None, 30)
    made = given.Asked(None, None, "C1", None, None, None, 30)
    assert given.begins_at(named, 300.0) == given.LOWPASS
    assert given.begins_at(named, 90.0) == 15.0  # at 40 A it had two shells
    assert given.begins_at(made, 280.0) == 2 * given.begins_at(made, 140.0) == given.LOWPASS
    assert given.begins_at(given.Asked(None, 9.0, "C1", None, None, None, 30), 140.0) == 9.0


def test_several_maps_begin_as_fine_as_what_they_differ_in() -> None:
    asked, several = given.Asked(None, None, "C1", None, None, None, 30), ["a.mrc", "b.mrc"]
    assert given.begins_at(asked, 140.0, several) == 20.0
    assert given.begins_at(asked, 400.0, several) == given.LOWPASS  # and no coarser than one
    assert given.begins_at(given.Asked(None, 60.0, "C1", None, None, None, 30), 140.0, several) == 60.0


def test_one_map_gives_the_frame_and_several_give_none(tiny_particles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes have as many frames as maps, and none is kept."""
    monkeypatch.chdir(tiny_particles.parent)
    volume = soft_sphere(32, 8, 2)
    mrc.write(Path("start.mrc"), volume, 5.0)

    def frame(*references: str) -> np.ndarray | None:
        run = a_run(tiny_particles.parent / "out")
        run.outdir.mkdir(exist_ok=True)  # type: ignore[union-attr]
        asked = given.Asked("start.mrc", 40.0, "C1", 100.0, None, None, 4)
        found = given.read(run, run.read(tiny_particles), asked, references).problem.frame
        run.close()
        return found

    one = frame()
    assert one is not None and np.corrcoef(one.ravel(), volume.ravel())[0, 1] > 0.99
    assert frame("start.mrc", "start.mrc") is None
