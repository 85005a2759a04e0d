"""A folder is of one job at a time."""

import os
from pathlib import Path

import pytest

from spa.errors import WriteError
from spa.job import lock


def test_a_second_job_is_refused_while_the_first_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their states and journals had become each other's."""
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    first = lock.held(tmp_path)
    with pytest.raises(WriteError, match="another job of spa is at work in it"):
        lock.held(tmp_path)
    os.close(first)
    os.close(lock.held(tmp_path))


def test_folders_are_locked_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    both = lock.held(tmp_path), lock.held(tmp_path / "a")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]  # and nothing is left in them
    for one in both:
        os.close(one)
