"""A journal gives back what it was given, and trusts only whole lines and files that stand."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from spa.errors import WriteError
from spa.job.journal import Journal, files_in


@contextmanager
def journal(folder: Path, resume: bool) -> Iterator[Journal]:
    opened = Journal(folder, resume)
    yield opened
    opened.close()


def test_results_come_back_as_they_are_read_again(tmp_path: Path) -> None:
    given = {
        "a": (1, 2),
        "b": np.float64(0.1),
        "c": np.arange(3),
        "d": 1 / 3,
        "e": math.nan,
        "f": "x\ny",
        "g": Path("p"),
    }
    with journal(tmp_path, False) as kept:
        first = kept.add("key", given)
    with journal(tmp_path, True) as kept:
        again = kept.result("key")
    assert first["a"] == [1, 2] and first["b"] == 0.1 and first["c"] == [0, 1, 2] and first["d"] == 1 / 3
    assert json.dumps(first) == json.dumps(again)


def test_what_cannot_be_kept_is_a_bug(tmp_path: Path) -> None:
    with journal(tmp_path, False) as kept, pytest.raises(TypeError, match="type cannot be kept"):
        kept.add("key", {"x": [int]})


def test_torn_lines_are_dropped_and_written_over(tmp_path: Path) -> None:
    with journal(tmp_path, False) as kept:
        for key in "abc":
            kept.add(key, key)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-3])
    with journal(tmp_path, True) as kept:
        assert "b" in kept and "c" not in kept
        kept.add("c", "new")
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["a", "b", "c"]


def test_without_resume_it_is_empty(tmp_path: Path) -> None:
    with journal(tmp_path, False) as kept:
        kept.add("a", 1)
    for resume, there in ((True, True), (False, False), (True, False)):
        with journal(tmp_path, resume) as kept:
            assert ("a" in kept) == there


def test_files_of_a_result_are_those_in_the_outdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = {
        "a": "out/x.mrc",
        "b": ["000001@out/s.mrcs", "000002@out/s.mrcs"],
        "c": "other/y.mrc",
        "d": "outside",
        "e": 3,
    }
    assert files_in(result, Path("out")) == ["out/s.mrcs", "out/x.mrc"]
    assert files_in(result, Path("./out/")) == ["out/s.mrcs", "out/x.mrc"]


def test_an_item_whose_file_is_gone_or_changed_is_not_done(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text("1234")
    with journal(tmp_path, False) as kept:
        kept.add("a", {"file": str(file)})
    with journal(tmp_path, True) as kept:
        assert "a" in kept
        file.write_text("12345")
        assert "a" not in kept
        file.unlink()
        assert "a" not in kept


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="journal.jsonl"):
        Journal(tmp_path / "nowhere", resume=False)


def test_a_full_disk_is_said_once(tmp_path: Path) -> None:
    with journal(tmp_path, resume=False) as one:
        one._file.close()
        one._file = open("/dev/full", "ab")  # noqa: SIM115 - closed with the journal
        with pytest.raises(WriteError, match="No space left"):
            one.add("key", 1)
