"""`spa pick topaz`: with a made-up `topaz` that writes down how it was called."""

import stat
from pathlib import Path

import pytest

from spa.io import star
from spa.testing import is_png, run_spa

FAKE = """#!/bin/sh
echo "$@" >> {calls}
kind=$1; out=
while [ $# -gt 0 ]; do
    [ "$1" = -o ] && out=$2
    shift
done
if [ $kind = preprocess ]; then : > "$out/000000.mrc"; exit {preprocess}; fi
printf '{table}' > "$out"
"""
TABLE = "image_name\\tx_coord\\ty_coord\\tscore\\n000000\\t50\\t45\\t2.5\\n000000\\t128\\t120\\t-1.25\\n"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that puts a `topaz` on PATH."""

    def made(table: str = TABLE, preprocess: str = "0", name: str = "topaz") -> Path:
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(FAKE.format(calls=tmp_path / "calls", table=table, preprocess=preprocess))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        return program

    return made


def run(micrograph: Path, *words: object):
    return run_spa("pick", "topaz", micrograph, "-d", micrograph.parent / "P", "--diameter", 200, *words)


def test_its_picks_come_back(tiny_micrograph: Path, tmp_path: Path, fake) -> None:
    fake()
    result = run(tiny_micrograph, "-o", tmp_path / "picks.star")
    assert result.status == 0, result.stderr
    tables = star.read(tmp_path / "picks.star")
    table = tables["particles"]
    assert table.text("rlnMicrographName").tolist() == [str(tmp_path / "tiny.mrc")] * 2
    assert table.floats("rlnCoordinateX").tolist() == [50, 128] and table.floats("rlnCoordinateY").tolist() == [45, 120]
    assert table.floats("rlnAutopickFigureOfMerit").tolist() == [2.5, -1.25] and len(tables["micrographs"]) == 1
    preprocess, extract = (line.split() for line in (tmp_path / "calls").read_text().splitlines())
    assert preprocess[:5] == ["preprocess", "-s", "2", "-d", "-1"]
    assert extract[:9] == ["extract", "-r", "10", "-t", "0", "-x", "2", "-d", "-1"]
    assert (tmp_path / "calls").read_text().count("000000.mrc") == 2
    assert run(tiny_micrograph, "-o", tmp_path / "again.star", "--resume", "--plot", tmp_path / "p.png").status == 0
    assert len((tmp_path / "calls").read_text().splitlines()) == 2 and is_png(tmp_path / "p.png")


def test_options_reach_it(tiny_micrograph: Path, tmp_path: Path, fake) -> None:
    fake(name="mine")
    words = ("--program", "mine", "--model", "m.sav", "--threshold", -2.5, "--scale", 3, "--radius", 5, "--batch", 1)
    assert run(tiny_micrograph, *words, "--device", "cuda:1").status == 0
    preprocess, extract = (line.split() for line in (tmp_path / "calls").read_text().splitlines())
    assert preprocess[:5] == ["preprocess", "-s", "3", "-d", "1"]
    assert extract[:11] == ["extract", "-m", "m.sav", "-r", "5", "-t", "-2.5", "-x", "3", "-d", "1"]


def test_without_it_the_status_is_69(tiny_micrograph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = run(tiny_micrograph)
    assert result.status == 69 and "topaz" in result.stderr


@pytest.mark.parametrize("table, preprocess, said", [
    (TABLE, "3", "status 3"), ("a\\tb\\n", "0", "a\tb"), (TABLE + "x\\t1\\n", "0", "row 4"),
    (TABLE.split("\\n")[0] + "\\n", "0", "found nothing"),
])  # fmt: skip
def test_what_goes_wrong_is_said(tiny_micrograph: Path, fake, table: str, preprocess: str, said: str) -> None:
    fake(table, preprocess)
    result = run(tiny_micrograph)
    assert result.status == 65 and said in result.stderr and "Traceback" not in result.stderr


def test_a_bad_micrograph_is_named(tiny_micrograph: Path, tmp_path: Path, fake) -> None:
    fake()
    tables = star.read(tiny_micrograph)
    row = tables["micrographs"]
    both = star.Table.concat([row.with_columns(rlnMicrographName=str(tmp_path / "gone.mrc")), row])
    star.write(tables.with_block("micrographs", both), tmp_path / "two.star")
    result = run(tmp_path / "two.star")
    assert result.status == 1 and "gone.mrc" in result.stderr and str(tmp_path / "tiny.mrc") in result.stdout
