"""`spa extract particles --virtual`: images that are cut when they are read."""

import re
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError
from spa.io import mrc, star
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.testing import run_spa
from tests.plugins.extracting import BOX, run, stack


def images_of(path: Path) -> np.ndarray:
    """All images of a table as jobs see them."""
    particles = open_particles(Run("some job", {}), star.read(path), ctf=False)
    return np.concatenate([images for _, images in particles.batches(Run("some job", {}))])


@pytest.mark.parametrize("words", [(), ("--crop", 20), ("--no-invert", "--no-normalise"), ("--no-ramp",),
                                   ("--background", 0.9), ("--pad",)])  # fmt: skip
def test_virtual_images_are_those_of_the_stack(picks: Path, words: tuple) -> None:
    real = run(picks, *BOX, *words)
    expected, stack_file = stack(real), picks.parent / "E" / "tiny.mrcs"
    stack_file.unlink()
    tables = run(picks, *BOX, *words, "--virtual")
    assert not stack_file.exists()
    assert (images_of(picks.parent / "e.star") == expected).all()
    drop = "rlnImageName"
    assert tables["particles"].without(drop) == real["particles"].without(drop)
    assert tables["optics"] == real["optics"]


def test_a_chain_runs_without_stacks(picks: Path) -> None:
    def chain(*words: object) -> str:
        run(picks, *BOX, *words)
        result = run_spa("classify", "2d", picks.parent / "e.star", "-d", picks.parent / "K", "--classes", 1,
                         "--diameter", 130, "--iterations", 4, "--max-resolution", 20)  # fmt: skip
        assert result.status == 0, result.stderr
        lines = result.stdout.partition("data_particles")[2].partition("data_")[0].splitlines()
        return "\n".join(re.sub(r"\d+@\S+", "", line) for line in lines)

    assert chain() == chain("--virtual")


def test_virtual_images_that_cannot_be_cut_are_named(picks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(picks, *BOX, "--virtual")
    tables = star.read(picks.parent / "e.star")
    table = tables["particles"]
    x = table.floats("rlnCoordinateX")
    x[3] = 5
    star.write(tables.with_block("particles", table.with_columns(rlnCoordinateX=x)), picks.parent / "e.star")
    assert len(images_of(picks.parent / "e.star")) == 8
    assert "reaches over the edge" in capsys.readouterr().err
    image = np.array(mrc.read(picks.parent / "tiny.mrc").data)
    image[120, 128] = np.nan
    mrc.write(picks.parent / "tiny.mrc", image, 5.0)
    assert len(images_of(picks.parent / "e.star")) == 7
    assert "not finite" in capsys.readouterr().err
    moved = table.with_columns(rlnMicrographName=[*table.text("rlnMicrographName")[:8], "other.mrc"])
    star.write(tables.with_block("particles", moved), picks.parent / "e.star")
    with pytest.raises(DataError, match="does not lie in the row's"):
        images_of(picks.parent / "e.star")


def test_virtual_tables_are_extracted_anew(picks: Path) -> None:
    expected = stack(run(picks, *BOX))
    run(picks, *BOX, "--crop", 20, "--virtual")
    again = picks.parent / "e.star"
    (picks.parent / "v.star").write_bytes(again.read_bytes())
    tables = run(picks.parent / "v.star", *BOX)
    assert (stack(tables) == expected).all() and "extraction" not in tables


@pytest.mark.parametrize("columns, said", [
    ({"spaExtractBox": [41]}, "even numbers"), ({"spaExtractCrop": [80]}, "even numbers"),
    ({"spaExtractBox": [40, 40]}, "2 rows"),
])  # fmt: skip
def test_a_description_that_makes_no_sense(picks: Path, columns: dict, said: str) -> None:
    tables = run(picks, *BOX, "--virtual")
    block = tables["extraction"]
    if len(next(iter(columns.values()))) > 1:
        block = star.Table({name: np.repeat(block.text(name), 2) for name in block.columns})
    else:
        block = block.with_columns(**columns)
    star.write(tables.with_block("extraction", block), picks.parent / "bad.star")
    with pytest.raises(DataError, match=said):
        images_of(picks.parent / "bad.star")


# ---- centring


def test_hot_pixels_are_filled_in_virtual_images_too_and_the_micrograph_is_as_it_was(picks: Path) -> None:
    clean = stack(run(picks, *BOX))
    image = np.array(mrc.read(picks.parent / "tiny.mrc").data)
    x, y = (star.read(picks)["particles"].floats(f"rlnCoordinate{axis}")[4] for axis in "XY")
    image[int(y) + 3, int(x) - 2] += 1000 * image.std()
    mrc.write(picks.parent / "tiny.mrc", image, 5.0)
    found = stack(run(picks, *BOX))
    assert np.corrcoef(found[4].ravel(), clean[4].ravel())[0, 1] > 0.99
    run(picks, *BOX, "--virtual")
    assert (images_of(picks.parent / "e.star") == found).all()
    assert (mrc.read(picks.parent / "tiny.mrc").data == image).all()
