"""The plan of memory: coefficients that do not fit go to a file, maps that do not fit are refused; sizes of maps."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DeviceError, WriteError
from spa.image.disc import coefficients, disc
from spa.io.filed import Filed
from spa.job import memory, room
from spa.job.run import Run
from spa.refine.data import planes_bytes
from spa.volume.insert import accumulator_bytes

GIB = 2**30


def a_run(folder: Path) -> Run:
    return Run("refine homo", {"outdir": str(folder), "threads": 1, "quiet": True})


def test_coefficients_that_do_not_fit_go_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    wanted = planes_bytes(50, 32, 15)
    planes = room.coefficients(a_run(tmp_path), 50, wanted, 1000, "all", "maps")
    assert isinstance(planes, Filed) and planes.shape == (50, 2, len(disc(32, 15)))
    images = np.random.default_rng(0).standard_normal((50, 32, 32)).astype(np.float32)
    planes[np.arange(50)] = coefficients(images, disc(32, 15))
    assert np.array_equal(np.asarray(planes), coefficients(images, disc(32, 15)))
    with pytest.raises(DeviceError, match="maps needs"):
        room.coefficients(a_run(tmp_path), 50, wanted, 20_000, "all", "maps")


def test_a_disk_without_room_for_the_file_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    n = shutil.disk_usage(tmp_path).free // planes_bytes(1, 32, 15) + 10**6
    with pytest.raises(WriteError, match="GiB of coefficients do not fit in memory"):
        room.coefficients(a_run(tmp_path), n, planes_bytes(n, 32, 15), 1000, "all", "maps")


def test_coefficients_that_fit_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    assert room.coefficients(a_run(tmp_path), 50, planes_bytes(50, 32, 15), 1000, "all", "maps") is None


def test_maps_of_256_pixels_leave_room_in_16_gib_for_any_number_of_particles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not depend on the number of particles fits; the coefficients of many lie in a file."""
    maps = 2 * accumulator_bytes(256, 127) + 12 * 4 * 256**3
    assert maps < 12 * GIB
    assert planes_bytes(100_000, 256, 127) > 16 * GIB  # they do not fit
    made: list[tuple[int, ...]] = []
    monkeypatch.setattr(memory, "available", lambda: 16 * GIB)
    monkeypatch.setattr(room, "scratch", lambda run, shape, rest: made.append(shape))
    for n in (100_000, 1_000_000):
        room.coefficients(a_run(tmp_path), n, planes_bytes(n, 256, 127), maps, "all", "maps")
    assert made == [(n, 2, len(disc(256, 127))) for n in (100_000, 1_000_000)]
