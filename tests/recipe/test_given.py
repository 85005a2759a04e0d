"""The plan of memory: coefficients that do not fit go to a file, maps that do not fit are refused; sizes of maps."""

from pathlib import Path

import numpy as np
import pytest

from spa.errors import DeviceError
from spa.image.disc import coefficients, disc
from spa.io import mrc
from spa.job import memory
from spa.job.run import Run
from spa.recipe import given
from spa.refine.data import planes_bytes
from spa.volume.insert import accumulator_bytes
from spa.volume.masks import soft_sphere

GIB = 2**30


def a_run(folder: Path) -> Run:
    return Run("refine homo", {"outdir": str(folder), "threads": 1, "quiet": True})


def test_coefficients_that_do_not_fit_go_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    wanted = planes_bytes(50, 32, 15)
    planes = given.room(a_run(tmp_path), 50, wanted, 1000, "all", "maps")
    assert isinstance(planes, np.memmap) and planes.shape == (50, 2, len(disc(32, 15)))
    images = np.random.default_rng(0).standard_normal((50, 32, 32)).astype(np.float32)
    planes[:] = coefficients(images, disc(32, 15))
    assert np.array_equal(planes, coefficients(images, disc(32, 15)))
    with pytest.raises(DeviceError, match="maps needs"):
        given.room(a_run(tmp_path), 50, wanted, 20_000, "all", "maps")


def test_coefficients_that_fit_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    assert given.room(a_run(tmp_path), 50, planes_bytes(50, 32, 15), 1000, "all", "maps") is None


def test_maps_of_256_pixels_leave_room_in_16_gib_for_any_number_of_particles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not depend on the number of particles fits; the coefficients of many are mapped from a file."""
    maps = 2 * accumulator_bytes(256, 127) + 12 * 4 * 256**3
    assert maps < 12 * GIB
    assert planes_bytes(100_000, 256, 127) > 16 * GIB  # they do not fit
    made: list[tuple[int, ...]] = []
    monkeypatch.setattr(memory, "available", lambda: 16 * GIB)
    monkeypatch.setattr(given, "scratch", lambda run, shape: made.append(shape))
    for n in (100_000, 1_000_000):
        given.room(a_run(tmp_path), n, planes_bytes(n, 256, 127), maps, "all", "maps")
    assert made == [(n, 2, len(disc(256, 127))) for n in (100_000, 1_000_000)]


def test_the_breadth_is_that_of_a_ball() -> None:
    for radius in (10, 16):
        ball = soft_sphere(64, radius, 1)
        assert given.measured_breadth(ball, 5.0) == pytest.approx(10 * radius, rel=0.15)
        away = np.roll(ball, 6, axis=2)  # wherever it lies
        assert given.measured_breadth(away, 5.0) == pytest.approx(10 * radius, rel=0.15)


def test_a_map_that_the_particles_made_begins_finer_than_one_that_is_named() -> None:
    named = given.Asked("a.mrc", None, "C1", None, None, None, 30)
    made = given.Asked(None, None, "C1", None, None, None, 30)
    assert given.begins_at(named, 140.0) == given.begins_at(made, 140.0, ["a.mrc", "b.mrc"]) == given.LOWPASS
    assert given.begins_at(made, 280.0) == 2 * given.begins_at(made, 140.0) == given.LOWPASS
    assert given.begins_at(given.Asked(None, 9.0, "C1", None, None, None, 30), 140.0) == 9.0


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
