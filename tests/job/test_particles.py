"""Particles as jobs take them: what is wrong with some is said, and the others are used."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError
from spa.io import mrc, star
from spa.job.particles import half_sets, open_particles
from spa.job.run import Run
from spa.recipe import seen


def opened(path: Path) -> tuple[Run, np.ndarray]:
    """A run, and the rows whose images came."""
    run = Run("some job", {})
    particles = open_particles(run, star.read(path))
    return run, np.concatenate([rows for rows, _ in particles.batches(run)])


def spoilt(path: Path, spoil: Callable[[np.ndarray], None]) -> None:
    images = np.array(mrc.read(path.parent / "tiny.mrcs").data)
    spoil(images)
    mrc.write(path.parent / "tiny.mrcs", images, 5.0)


def in_two_stacks(path: Path) -> Path:
    """The first ten rows point at other.mrcs, a copy."""
    (path.parent / "other.mrcs").write_bytes((path.parent / "tiny.mrcs").read_bytes())
    tables = star.read(path)
    names = [name.replace("tiny.mrcs", "other.mrcs") if row < 10 else name
             for row, name in enumerate(tables["particles"].text("rlnImageName"))]  # fmt: skip
    star.write(tables.with_block("particles", tables["particles"].with_columns(rlnImageName=names)), path)
    return path.parent / "other.mrcs"


@pytest.mark.parametrize(("value", "said"), [(np.nan, "not finite"), (1e30, "as large as"), (0.0, "no contrast")])
def test_an_image_that_cannot_be_used_is_named_and_the_others_come(
    tiny_particles: Path, capsys: pytest.CaptureFixture[str], value: float, said: str,
) -> None:  # fmt: skip
    spoilt(tiny_particles, lambda images: images[3].fill(value))
    run, rows = opened(tiny_particles)
    assert rows.tolist() == [0, 1, 2, *range(4, 24)] and run.bad == 1
    message = capsys.readouterr().err
    assert said in message and "000004@" in message and len(message.splitlines()) == 1


@pytest.mark.parametrize("opening", [open_particles, lambda run, tables: seen.opened(run, tables, "full")])
def test_picks_are_not_yet_particles(opening: Callable) -> None:
    picks = star.Table.of(rlnMicrographName=["a.mrc"], rlnCoordinateX=[9.0], rlnCoordinateY=[9.0], rlnOpticsGroup=[1])
    with pytest.raises(DataError, match="spa extract particles"):
        opening(Run("test job", {}), star.Tables({"particles": picks}))


def test_no_image_left_is_an_error(tiny_particles: Path) -> None:
    spoilt(tiny_particles, lambda images: images.fill(0))
    with pytest.raises(DataError, match="none of its 24 images can be used"):
        opened(tiny_particles)


def test_a_truncated_stack_goes_with_its_rows_and_they_are_counted(
    tiny_particles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = in_two_stacks(tiny_particles)
    other.write_bytes(other.read_bytes()[:-1000])
    run, rows = opened(tiny_particles)
    assert len(rows) == 14 and run.bad == 10
    message = capsys.readouterr().err
    assert "other.mrcs: truncated" in message and "(10 images)" in message


def test_a_table_written_for_another_box_is_refused(tiny_particles: Path) -> None:
    tables = star.read(tiny_particles)
    optics = tables["optics"].with_columns(rlnImageSize=[64])
    star.write(tables.with_block("optics", optics), tiny_particles)
    with pytest.raises(DataError, match="rlnImageSize is 64, those of .* 32 pixels wide"):
        opened(tiny_particles)


def test_the_micrographs_pixel_size_is_not_taken_for_the_images(tiny_particles: Path) -> None:
    tables = star.read(tiny_particles)
    optics = tables["optics"].renamed(rlnImagePixelSize="rlnMicrographPixelSize")
    star.write(tables.with_block("optics", optics), tiny_particles)
    with pytest.raises(DataError, match="no column rlnImagePixelSize"):
        opened(tiny_particles)


def test_a_header_that_says_another_pixel_size_is_named(
    tiny_particles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(tiny_particles)
    assert not capsys.readouterr().err
    tables = star.read(tiny_particles)
    star.write(tables.with_block("optics", tables["optics"].with_columns(rlnImagePixelSize=2.5)), tiny_particles)
    opened(tiny_particles)
    message = capsys.readouterr().err
    assert "tiny.mrcs says 5 A a pixel" in message and "2.5 A, which is used" in message


def test_an_image_that_a_stack_has_not_is_named_by_row_and_left_out(
    tiny_particles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = star.read(tiny_particles)
    names = tables["particles"].text("rlnImageName").copy()
    names[6] = names[6].replace("000007@", "000099@")
    star.write(tables.with_block("particles", tables["particles"].with_columns(rlnImageName=names)), tiny_particles)
    run, rows = opened(tiny_particles)
    assert len(rows) == 23 and run.bad == 1
    message = capsys.readouterr().err
    assert "row 7: " in message and "tiny.mrcs: image 99 is asked for, and it has 24" in message


def halves(path: Path, half: list[int], twins: dict[int, int]) -> np.ndarray:
    """Half-sets drawn for a table where row a is an image of row b, for each a: b."""
    tables = star.read(path)
    names = tables["particles"].text("rlnImageName").copy()
    for row, other in twins.items():
        names[row] = names[other]
    table = tables["particles"].with_columns(rlnImageName=names, rlnRandomSubset=half)
    run = Run("some job", {})
    return half_sets(run, open_particles(run, tables.with_block("particles", table)).particles)


def test_half_sets_are_even_and_those_of_the_table_stay(tiny_particles: Path) -> None:
    drawn = halves(tiny_particles, [0] * 24, {})
    assert sorted(drawn) == [0] * 12 + [1] * 12
    kept = halves(tiny_particles, [1, 2, 2] + [0] * 21, {})
    assert kept[:3].tolist() == [0, 1, 1]


def test_rows_of_one_image_share_a_half(tiny_particles: Path) -> None:
    twins = {row: row % 6 for row in range(6, 24)}
    drawn = halves(tiny_particles, [0] * 24, twins).reshape(4, 6)
    assert (drawn == drawn[0]).all() and drawn[0].sum() == 3
    assert halves(tiny_particles, [2] + [0] * 23, twins)[6] == 1


def test_an_image_in_both_halves_is_said(tiny_particles: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = halves(tiny_particles, [1, 2] * 12, {1: 0})
    assert half.tolist() == [0, 1] * 12
    assert "1 image is in both half-sets" in capsys.readouterr().err


def test_images_that_are_there_twice_are_said(tiny_particles: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = star.read(tiny_particles)
    table = tables["particles"]
    twice = table.take([*range(24), 3, 5])
    open_particles(Run("some job", {}), tables.with_block("particles", twice))
    said = capsys.readouterr().err
    assert "row 25: " in said and "2 rows are such" in said and "spa star cat --unique rlnImageName" in said
    open_particles(Run("some job", {}), tables)
    assert not capsys.readouterr().err
