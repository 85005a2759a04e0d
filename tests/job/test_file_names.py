"""Names of the files of micrographs."""

import pytest

from spa.errors import DataError
from spa.job.micrographs import file_names


def of(folder, *names: str) -> list[str]:
    return [str(path.relative_to(folder)) for path in file_names(folder, names, "_x.star").values()]


def test_no_two_micrographs_have_one_file(tmp_path) -> None:
    assert of(tmp_path, "a/one.mrc", "b/two.v2.mrc") == ["one_x.star", "two.v2_x.star"]
    assert of(tmp_path, "/a/one.mrc", "../b/one.mrc") == ["a/one_x.star", "b/one_x.star"]
    assert of(tmp_path, "one.tif", "one.mrcs") == ["one_tif_x.star", "one_mrcs_x.star"]
    with pytest.raises(DataError, match="for two of them"):
        of(tmp_path, "../a/one.mrc", "a/one.mrc")
