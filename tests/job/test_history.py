"""The record of a job, and what --resume makes of it."""

import hashlib
import json
from pathlib import Path

import pytest

from spa import __version__
from spa.errors import DataError, MissingInput, WriteError
from spa.job import history, options


def test_a_step_is_one_line_that_a_shell_understands() -> None:
    assert (
        history.step("a b", ["--name", "two words", "x\ny"], "third 1.0")
        == f"{__version__} a b [third 1.0] --name 'two words' 'x y'"
    )


def test_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abcdef")
    assert history.fingerprint(file) == {"size": 6, "sha256": hashlib.sha256(b"abcdef").hexdigest()}
    monkeypatch.setattr(history, "HASHED_BYTES", 3)
    assert history.fingerprint(file) == {"size": 6, "sha256": hashlib.sha256(b"abc").hexdigest()}
    assert history.digest(b"abcdef") == history.fingerprint(file)
    with pytest.raises(MissingInput, match="nowhere: no such file"):
        history.fingerprint("nowhere")
    with pytest.raises(DataError, match="a folder"):
        history.fingerprint(tmp_path)


def test_record_is_written_whole_and_read(tmp_path: Path) -> None:
    assert history.read_record(tmp_path) is None
    history.write_record(tmp_path, {"job": "a b", "path": Path("x")})
    assert history.read_record(tmp_path) == {"job": "a b", "path": "x"}
    assert [path.name for path in tmp_path.iterdir()] == ["job.json"]
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(DataError, match="job.json"):
        history.read_record(tmp_path)


def record(**changes: object) -> dict[str, object]:
    base = {"job": "a b", "version": "1", "options": {"x": (1, 2), "threads": 1}, "inputs": {"f": {"size": 1}}}
    return json.loads(json.dumps({**base, **changes})) if changes.get("options") is None else {**base, **changes}


@pytest.mark.parametrize(
    ("now", "named"),
    [
        (record(job="a c"), "spa a b"), (record(version="2"), "begun by spa 1"),
        (record(options={"x": (1, 3), "threads": 1}), "--x was"), (record(options={"threads": 1}), "--x was"),
        (record(options={"x": (1, 2), "new_one": 3}), "--new-one was None"),
        (record(inputs={"f": {"size": 2}}), "input f"),
    ],
)  # fmt: skip
def test_what_differs_is_named(now: dict[str, object], named: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=named):
        history.compare(tmp_path, record(), now, options.NEUTRAL)


def test_threads_may_differ_and_inputs_may_come_later(tmp_path: Path) -> None:
    history.compare(tmp_path, record(), record(options={"x": (1, 2), "threads": 9}), options.NEUTRAL)
    both = record(inputs={**record()["inputs"], "g": {"size": 2}})
    history.compare(tmp_path, record(), both, options.NEUTRAL)
    history.compare(tmp_path, both, record(), options.NEUTRAL)


def test_a_table_of_another_name_must_be_the_same(tmp_path: Path) -> None:
    mark = next(iter(record()["inputs"].values()))
    history.compare(tmp_path, record(), record(inputs={"moved": mark}), options.NEUTRAL)
    with pytest.raises(DataError, match="the input other is not what the stopped run read"):
        history.compare(tmp_path, record(), record(inputs={"other": {"size": 99}}), options.NEUTRAL)


def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "job.json.part").symlink_to("/dev/full")
    with pytest.raises(WriteError, match="job.json: cannot be written: No space left"):
        history.write_record(tmp_path, {"job": "some job"})
    assert not list(tmp_path.iterdir())
