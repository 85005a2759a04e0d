"""Coordinates in a file of each micrograph, as RELION lists them."""

from pathlib import Path

import pytest

from spa.errors import DataError, MissingInput
from spa.io import star
from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.recipe.picks import gathered


def listed(folder: Path, *files: Path) -> Tables:
    names = [f"m{number}.mrc" for number in range(len(files))]
    table = Table.of(rlnMicrographName=names, rlnMicrographCoordinates=list(map(str, files)))
    return Tables({"coordinate_files": table}, [])


def test_rows_of_all_files_with_the_names_of_their_micrographs(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.star" for number in range(3)]
    two = Table.of(rlnCoordinateX=[1.0, 2.0], rlnCoordinateY=[3.0, 4.0], rlnClassNumber=0)
    star.write(Tables({"": two}, []), files[0])
    files[1].write_text("data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n")  # as RELION writes no picks
    star.write(Tables({"": Table.of(rlnCoordinateX=[5.0], rlnCoordinateY=[6.0])}, []), files[2])
    run = Run("extract particles", {})
    found = gathered(run, listed(tmp_path, *files))["particles"]
    assert found.text("rlnMicrographName").tolist() == ["m0.mrc", "m0.mrc", "m2.mrc"]
    assert found.floats("rlnCoordinateX").tolist() == [1.0, 2.0, 5.0] and "rlnClassNumber" not in found
    assert set(map(str, files)) <= set(run.inputs)  # for job.json
    with pytest.raises(DataError, match="no picks in any of 1 coordinate files"):
        gathered(run, listed(tmp_path, files[1]))


def test_files_that_are_not_there_or_have_no_coordinates_are_named(tmp_path: Path) -> None:
    star.write(Tables({"": Table.of(rlnMicrographName=["a.mrc"])}, []), tmp_path / "other.star")
    run = Run("extract particles", {})
    with pytest.raises(MissingInput, match="nowhere.star"):
        gathered(run, listed(tmp_path, tmp_path / "nowhere.star"))
    with pytest.raises(DataError, match="other.star: no coordinates in it"):
        gathered(run, listed(tmp_path, tmp_path / "other.star"))
