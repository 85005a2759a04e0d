"""Rows in a file: what was written is what is read, however it is asked for."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from spa.errors import ReadError, WriteError
from spa.io.filed import Filed, runs


def filled(folder: Path, n: int = 20, width: int = 7) -> tuple[Filed, np.ndarray]:
    values = np.random.default_rng(0).standard_normal((n, 2, width)).astype(np.float32)
    with tempfile.TemporaryFile(dir=folder) as file:
        rows = Filed(file, values.shape, folder)
    rows[np.arange(n)] = values
    return rows, values


@pytest.mark.parametrize("key", [
    3, np.array([4, 5, 6, 9, 2, 2]), np.array([], int), np.arange(20) % 3 == 0,
    (np.array([0, 1, 7]), slice(None), slice(None, 4)), (5, slice(None), slice(None, 2)),
])  # fmt: skip
def test_what_is_asked_for_is_what_an_array_has(tmp_path: Path, key: object) -> None:
    rows, values = filled(tmp_path)
    assert np.array_equal(rows[key], values[key])  # type: ignore[call-overload]


def test_slices_are_of_the_same_file_and_what_is_written_to_them_is_in_it(tmp_path: Path) -> None:
    rows, values = filled(tmp_path)
    part = rows[5:15]
    assert len(part) == 10 and part.shape == (10, 2, 7) and part.size == 140
    part[np.array([1, 2])] = 0.0
    values[6:8] = 0
    rows[3:5] = values[3:5] = np.ones((2, 2, 7))
    assert np.array_equal(np.asarray(rows), values) and np.array_equal(np.asarray(part), values[5:15])
    assert np.array_equal(np.asarray(part[:, :, :3]), values[5:15, :, :3])
    part[:, :, :3][np.array([0, 4])] = values[[5, 9], :, :3] = 7
    rows[np.array([11, 2]), :, :2] -= 1
    values[[11, 2], :, :2] -= 1
    assert np.array_equal(np.asarray(rows), values)
    rows[np.array([9, 8])] *= 2
    assert np.array_equal(rows[8], 2 * values[8])


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    rows, _ = filled(tmp_path)
    for key in (20, -1, (slice(None), 0), (0, 1)):
        with pytest.raises(IndexError):
            rows[key]
    os.truncate(rows._file.number, 100)
    with pytest.raises(ReadError, match="ends before"):
        rows[np.array([10])]


def test_a_full_disk_is_an_error_with_the_folder_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, values = filled(tmp_path)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(WriteError, match=f"{tmp_path.name}: cannot be written: No space left"):
        rows[0:2] = values[:2]


def test_runs_are_all_rows_in_their_order() -> None:
    rows = np.array([3, 4, 5, 5, 1, 2, 9])
    found = list(runs(rows))
    assert found == [(0, 3, 3), (3, 5, 1), (4, 1, 2), (6, 9, 1)]
