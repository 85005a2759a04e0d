"""Our tables through `relion_star_printtable`, our stacks and maps through `relion_image_handler`, and back."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star

TABLES = [("m.star", "micrographs", "rlnMicrographName"), ("ctf.star", "micrographs", "rlnDefocusU"),
          ("ctf.star", "optics", "rlnVoltage"), ("picks.star", "particles", "rlnCoordinateX"),
          ("picks.star", "micrographs", "rlnMicrographName"), ("x.star", "particles", "rlnImageName"),
          ("x.star", "optics", "rlnImageSize")]  # fmt: skip
REFINED = [("r.star", "particles", "rlnAngleRot"), ("r.star", "particles", "spaTurnError"),
           ("r.star", "optics", "rlnImagePixelSize"), ("r.star", "maps", "spaMapRole"),
           ("R/fsc.star", "fsc", "rlnGoldStandardFsc")]  # fmt: skip


def same(relion, folder: Path, file: str, block: str, column: str) -> None:
    printed = relion("star_printtable", folder, file, f"data_{block}", f"_{column}").split()
    assert printed[-len(star.read(folder / file)[block]) :] == star.read(folder / file)[block].listed(column)


@pytest.mark.parametrize("file, block, column", TABLES)
def test_tables_on_the_way_to_particles(relion, extracted: Path, file: str, block: str, column: str) -> None:
    same(relion, extracted, file, block, column)


@pytest.mark.parametrize("file, block, column", REFINED)
def test_tables_of_a_refinement(relion, refined: Path, file: str, block: str, column: str) -> None:
    same(relion, refined, file, block, column)


def test_its_maps(relion, refined: Path, tmp_path: Path) -> None:
    """Values, box and pixel size come through its copy, and its box after rescaling is ours to read."""
    relion("image_handler", refined, "--i", "R/map.mrc", "--o", tmp_path / "copy.mrc", "--multiply_constant", 2)
    ours, theirs = mrc.read(refined / "R" / "map.mrc"), mrc.read(tmp_path / "copy.mrc")
    np.testing.assert_allclose(theirs.data, 2 * np.asarray(ours.data), rtol=1e-5)
    assert theirs.pixel_size == pytest.approx(ours.pixel_size, rel=1e-4)
    relion("image_handler", refined, "--i", "R/map.mrc", "--o", tmp_path / "small.mrc", "--angpix", 3.5,
           "--rescale_angpix", 7, "--new_box", 24)  # fmt: skip
    small = mrc.read(tmp_path / "small.mrc")
    assert small.data.shape == (24, 24, 24) and small.pixel_size == pytest.approx(7, rel=1e-4)


def test_its_stacks(relion, extracted: Path, tmp_path: Path) -> None:
    stack = sorted((extracted / "X").glob("*.mrcs"))[0]
    relion("image_handler", extracted, "--i", stack, "--o", tmp_path / "copy.mrcs", "--multiply_constant", -1)
    ours, theirs = mrc.read(stack), mrc.read(tmp_path / "copy.mrcs")
    assert ours.data.dtype == np.float32  # what RELION 3.1 reads is what is written unless --float16 is asked for
    np.testing.assert_allclose(theirs.data, -np.asarray(ours.data), rtol=1e-5)
