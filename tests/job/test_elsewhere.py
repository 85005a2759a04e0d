"""A job that runs in another folder than its table's paths begin in says where they would be found."""

from pathlib import Path

import pytest

from spa.errors import DataError, MissingInput
from spa.job.elsewhere import explained
from spa.testing import run_spa


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "My Data").mkdir()
    (tmp_path / "My Data" / "stack.mrcs").write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "tables").mkdir()
    return tmp_path


def test_the_folder_that_paths_begin_in_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "sub")
    error = MissingInput("left out for the want of a stack", "My Data/stack.mrcs")
    for table in ("../p.star", "../tables/p.star", str(project / "p.star")):
        assert explained(error, ["-", table]).endswith(f"from {project} it is there")
    of_all = DataError("none of 2 stacks could be done")
    of_all.__cause__ = error
    assert explained(of_all, ["../p.star"]).endswith(f"from {project} it is there")


@pytest.mark.parametrize("path", ["My Data/other.mrcs", "/x/stack.mrcs", None])
def test_what_is_nowhere_near_stays_as_it_is(project: Path, monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    monkeypatch.chdir(project / "sub")
    assert explained(MissingInput("not there", path), ["../p.star"]) == "not there"
    assert explained(DataError("My Data/stack.mrcs: no such file"), ["../p.star"]).endswith("no such file")


def test_a_job_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    made = run_spa("simulate", "particles", "-d", "S", "--box", "24", "--pixel-size", "4", "--n", "4", "-o", "p.star")
    assert made.status == 0, made.stderr
    monkeypatch.chdir(tmp_path / "sub")
    found = run_spa("classify", "2d", "../p.star", "-d", "C", "--diameter", "30")
    assert found.status == 66 and f"from {tmp_path} it is there" in found.stderr and found.stderr.count("\n") == 1
