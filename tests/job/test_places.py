"""Nothing is written over that was not made to be."""

from pathlib import Path

import pytest

from spa.testing import run_spa

TABLE = "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnCtfMaxResolution #2\n" + "".join(
    f"Mics/{n}.mrc {n}.5\n" for n in range(1, 7)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("in.star").write_text(TABLE)
    Path("movie.tif").write_bytes(b"II*\0" + bytes(100))
    Path("run.sh").write_text("spa star filter x in.star\n")
    return tmp_path


RULES = ("curate", "rules", "--keep", "rlnCtfMaxResolution < 4", "in.star")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--plot", "in.star"), 2, "--plot in.star: would be written over an input"),
        (("--rejected", "../{}/in.star"), 2, "would be written over an input"),
        (("--plot", "movie.tif"), 73, "movie.tif: is there and is not a figure of spa's"),
        (("--rejected", "movie.tif"), 73, "movie.tif: is there and is not a table"),
        (("-o", "run.sh"), 73, "run.sh: is there and is not a table"),
        (("-o", "out.star", "--rejected", "out.star"), 2, "--output goes there"),
    ],
)  # fmt: skip
def test_what_a_job_has_not_made_stays(folder: Path, words: tuple[str, ...], status: int, said: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = run_spa(*RULES, *(word.format(folder.name) for word in words))
    assert result.status == status and said in result.stderr and len(result.stderr.splitlines()) <= 4
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_a_job_has_made_is_made_again(folder: Path) -> None:
    for _ in range(2):
        result = run_spa(*RULES, "--plot", "p.png", "--rejected", "bad.star", "-o", "good.star")
        assert result.status == 0, result.stderr
    assert run_spa(*RULES, "-o", "in.star").status == 0, "a table is read before it is written"
    assert Path("in.star").read_text().count("Mics/") == 3
