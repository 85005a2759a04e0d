"""Files are whole or not there."""

import os
import threading
from pathlib import Path

import pytest

from spa.errors import WriteError
from spa.io.whole import require_folder, whole


def test_the_name_appears_only_at_the_end(tmp_path) -> None:
    path = tmp_path / "a.txt"
    with whole(path) as part:
        part.write_text("x")
        assert not path.exists()
    assert path.read_text() == "x"
    assert not part.exists()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_a_write_error(tmp_path) -> None:
    with pytest.raises(WriteError, match="cannot be written: No such file"), whole(tmp_path / "no" / "a") as part:
        part.write_text("x")


def test_a_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    """As a device does: a root's `-o /dev/null` had made a file of it."""
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    require_folder(pipe)
    with whole(pipe) as part:
        part.write_text("all of it")
    reader.join(10)
    assert got == ["all of it"] and pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_a_full_disk_is_a_write_error(tmp_path) -> None:
    with pytest.raises(WriteError, match="No space left"), whole(tmp_path / "a") as part:
        part.write_text("half")
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_where_no_file_can_be_written_is_said_before_the_work(tmp_path) -> None:
    (tmp_path / "file").touch()
    require_folder(tmp_path / "new")
    require_folder("new")
    for place, said in ((tmp_path, "Is a directory"), (tmp_path / "no" / "new", "No such file"),
                        (tmp_path / "file" / "new", "Not a directory")):  # fmt: skip
        with pytest.raises(WriteError, match=f"{place}: cannot be written: {said}"):
            require_folder(place)
