"""`spa pick loop`: its rounds with steps that are made up, and one real step as a child process."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError, MissingInput
from spa.io import star
from spa.job.run import Run
from spa.recipe import picker
from spa.testing import Result, is_png, run_spa
from spa_plugins.pick_loop import rounds, steps


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of the steps, which write tables in place of the jobs: 60 picks, of which 40, then 41 are good."""
    calls: list[list[str]] = []

    def child(run: Run, words: list[str]) -> tuple[int, str]:
        words = words[3:]
        calls.append(words)
        output = Path(words[words.index("-o") + 1])
        job = " ".join(words[:2])
        count = 60 if job != "select classes" else 40 + sum(one[:2] == words[:2] for one in calls) - 1
        if job == "train neural":
            picker.write(picker.read(None), words[words.index("--model-out") + 1])
        name = run.outdir.parent / "tiny.mrc"  # type: ignore[union-attr]
        optics = star.read(run.outdir / "micrographs.star")["optics"]  # type: ignore[operator]
        table = star.Table.of(rlnMicrographName=[str(name)] * count, rlnCoordinateX=np.arange(count) * 1.0,
                              rlnCoordinateY=np.arange(count) * 2.0, rlnOriginXAngst=np.full(count, 10.0),
                              rlnOriginYAngst=np.full(count, -5.0),
                              rlnAutopickFigureOfMerit=np.ones(count),
                              rlnOpticsGroup=np.arange(count) % len(optics) + 1)  # fmt: skip
        star.write(star.Tables({"optics": optics, "particles": table}), output)
        return 0, f"spa {job}: done"

    monkeypatch.setattr(steps, "_child", child)
    return calls


def loop(micrograph: Path, *words: object) -> Result:
    place = micrograph.parent
    return run_spa("pick", "loop", micrograph, "-d", place / "L", "-o", place / "out.star", *words)


def jobs(calls: list[list[str]]) -> list[str]:
    return [" ".join(words[:2]) for words in calls]


ROUND = ["extract particles", "classify 2d", "select classes", "train neural", "pick neural"]


def test_rounds_end_when_the_yield_settles(tiny_micrograph: Path, made_up: list[list[str]]) -> None:
    figure = tiny_micrograph.parent / "p.png"
    result = loop(tiny_micrograph, "--diameter", 120, "--rounds", 5, "--plot", figure)
    assert result.status == 0 and is_png(figure), result.stderr
    assert jobs(made_up) == ["pick neural", *ROUND, *ROUND]
    assert "after 2 rounds; 41 in good classes" in result.stderr
    tables = star.read(tiny_micrograph.parent / "out.star")
    assert len(tables["particles"]) == 60 and len(tables["micrographs"]) == 1
    assert "spa pick neural" in (tiny_micrograph.parent / "L" / "round0" / "steps.txt").read_text()
    last = made_up[-1]
    assert last[last.index("--model") + 1].endswith("round2/picker.npz")


def test_positives_lie_where_their_classes_put_them(tiny_micrograph: Path, made_up: list[list[str]]) -> None:
    """An origin of 10, -5 angstroms is 2, -1 pixels: coordinates less that. All 60 picks hold as many as 60 sorted."""
    assert loop(tiny_micrograph, "--diameter", 120, "--rounds", 1).status == 0
    training = made_up[jobs(made_up).index("train neural")]
    table = star.read(training[training.index("--picks") + 1])["particles"]
    assert table.floats("rlnCoordinateX").tolist() == [i - 2 for i in range(40)]
    assert table.floats("rlnCoordinateY").tolist() == [2 * i + 1 for i in range(40)]
    assert training[training.index("--expected") + 1] == "44"  # 1.1 x 40 on one micrograph


def test_micrographs_of_several_pixel_sizes_make_images_of_one(
    tiny_micrograph: Path, made_up: list[list[str]]
) -> None:
    """And positives lie on micrographs of 4 A where an origin of 10, -5 A is 2.5, -1.25 pixels."""
    tables = star.read(tiny_micrograph)
    optics, row = tables["optics"], tables["micrographs"]
    two = star.Table.concat([optics, optics.with_columns(rlnOpticsGroup=2, rlnMicrographPixelSize=4.0)])
    both = star.Table.concat([row, row.with_columns(rlnMicrographName="other.mrc", rlnOpticsGroup=2)])
    star.write(star.Tables({"optics": two, "micrographs": both}), tiny_micrograph.parent / "two.star")
    result = loop(tiny_micrograph.parent / "two.star", "--diameter", 120, "--rounds", 1)
    assert result.status == 0, result.stderr
    line = dict(zip(jobs(made_up), made_up))
    cut, training = line["extract particles"], line["train neural"]
    assert "--box" not in cut and float(cut[cut.index("--pixel-size") + 1]) >= 5
    table = star.read(training[training.index("--picks") + 1])["particles"]
    assert table.floats("rlnCoordinateX")[:3].tolist() == [-2, 1 - 2.5, 2 - 2]
    assert table.floats("rlnCoordinateY")[:3].tolist() == [1, 2 + 1.25, 4 + 1]


def test_options_reach_the_steps(tiny_micrograph: Path, made_up: list[list[str]]) -> None:
    words = ("--diameter", 120, "--rounds", 1, "--classes", 7, "--max-resolution", 25, "--max-particles", 50,
             "--threshold", -1, "--first", "blob", "--seed", 3, "--threads", 2, "--settled", 0)  # fmt: skip
    assert loop(tiny_micrograph, *words).status == 0
    assert jobs(made_up) == ["pick blob", *ROUND]
    line = {job: " ".join(words) for job, words in zip(jobs(made_up), made_up)}
    assert "--classes 7" in line["classify 2d"] and "--max-resolution 25" in line["classify 2d"]
    assert "--threshold -1" in line["pick neural"] and "--seed 3" in line["train neural"]
    assert all("--threads 2" in words for words in line.values()) and "--box 40" in line["extract particles"]
    assert "--pad" in made_up[1]
    assert len(star.read(tiny_micrograph.parent / "L" / "round1" / "drawn.star")["particles"]) == 50


def test_resume_keeps_what_is_whole(tiny_micrograph: Path, made_up: list[list[str]]) -> None:
    words = ("--diameter", 120, "--rounds", 1)
    assert loop(tiny_micrograph, *words).status == 0
    before = (tiny_micrograph.parent / "out.star").read_text()
    (tiny_micrograph.parent / "L" / "round1" / "picks.star").unlink()
    made_up.clear()
    assert loop(tiny_micrograph, *words, "--resume").status == 0
    assert jobs(made_up) == ["pick neural"] and "--resume" in made_up[0]
    assert (tiny_micrograph.parent / "out.star").read_text() == before


def test_a_step_that_fails_ends_the_loop(tiny_micrograph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for status, kind in ((65, 65), (66, 66), (70, 65)):
        monkeypatch.setattr(steps, "_child", lambda run, words, s=status: (s, "spa pick neural: no such thing"))
        result = loop(tiny_micrograph, "--diameter", 120)
        assert result.status in (kind, status) and "no such thing" in result.stderr
    assert isinstance(steps._failure(66, "x"), MissingInput) and isinstance(steps._failure(3, "x"), DataError)


def test_no_good_classes_is_said(
    tiny_micrograph: Path, made_up: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "FEWEST", 100)
    result = loop(tiny_micrograph, "--diameter", 120)
    assert result.status == 65 and "good classes" in result.stderr


def test_what_is_refused(tiny_micrograph: Path) -> None:
    result = loop(tiny_micrograph, "--diameter", 120, "--first", "blob", "--model", picker.GENERAL)
    assert result.status == 2 and "--model" in result.stderr
    tables = star.read(tiny_micrograph)
    row = tables["micrographs"]
    bare = star.Table.of(rlnMicrographName=row.text("rlnMicrographName"), rlnOpticsGroup=[1])
    star.write(tables.with_block("micrographs", bare), tiny_micrograph.parent / "bare.star")
    result = loop(tiny_micrograph.parent / "bare.star", "--diameter", 120)
    assert result.status == 65 and "rlnDefocusU" in result.stderr and "spa ctf patch" in result.stderr
    assert not (tiny_micrograph.parent / "L" / "round0").exists()


def test_a_step_is_a_job_of_its_own(
    tiny_micrograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first picks, by a real child process; then it stops."""

    def none(*_: object) -> None:
        raise DataError("round1: no more")

    monkeypatch.setattr(rounds, "_good", none)
    shutil.copy(picker.GENERAL, tmp_path / "start.npz")
    result = loop(tiny_micrograph, "--diameter", 120, "--model", tmp_path / "start.npz", "--rounds", 1)
    assert result.status == 65 and "round1" in result.stderr
    assert len(star.read(tmp_path / "L" / "round0" / "picks.star")["particles"]) >= 9
