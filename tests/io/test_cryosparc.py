"""cryoSPARC datasets: read, joined by uid, and named when they are broken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spa.errors import DataError, MissingInput, ReadError
from spa.io import cryosparc


def dataset(uids: list[int], field: str = "a/x") -> np.ndarray:
    data = np.zeros(len(uids), [("uid", "u8"), (field, "f4", (2,))])
    data["uid"] = uids
    data[field][:, 0] = np.array(uids, "f4") * 2
    return data


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20, unique=True), st.randoms(use_true_random=False))
def test_a_join_brings_each_uid_its_own(uids: list[int], random) -> None:
    shuffled = uids.copy()
    random.shuffle(shuffled)
    both = cryosparc.joined(dataset(uids), dataset([*shuffled, 2000], "b/y"), "a", "b")
    assert both["uid"].tolist() == uids
    np.testing.assert_array_equal(both["a/x"], both["b/y"])


def test_fields_there_are_not_replaced() -> None:
    other = dataset([1, 2])
    other["a/x"] += 5
    np.testing.assert_array_equal(cryosparc.joined(dataset([1, 2]), other, "a", "b")["a/x"], dataset([1, 2])["a/x"])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (dataset([1, 1, 2]), "b: a uid is there twice"),
        (dataset([2, 3]), "b: 1 of the 2 particles of a are not in it .the first is row 1, uid 1"),
        (dataset([]), "2 of the 2"),
        (dataset([1, 2])[["a/x"]], "b: no uid"),
    ],
)
def test_joins_that_cannot_be(other: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        cryosparc.joined(dataset([1, 2]), other, "a", "b")


def test_paths_lose_their_mark() -> None:
    assert cryosparc.paths(np.array([b">J1/a.mrcs", b"J2/b.mrcs"])) == ["J1/a.mrcs", "J2/b.mrcs"]
    assert cryosparc.paths(np.array([">J1/a.mrcs"])) == ["J1/a.mrcs"]


def test_files(tmp_path) -> None:
    arrays = {"good": dataset([1]), "empty": dataset([]), "plain": np.zeros(3), "square": np.zeros((2, 2))}
    for name, array in arrays.items():
        with (tmp_path / f"{name}.cs").open("wb") as stream:
            np.save(stream, array)
    assert len(cryosparc.read(tmp_path / "good.cs")) == 1
    for name, message in (("empty", "no particles"), ("plain", "without named fields"), ("square", "without named")):
        with pytest.raises(DataError, match=f"{name}.cs: .*{message}"):
            cryosparc.read(tmp_path / f"{name}.cs")
    with pytest.raises(MissingInput):
        cryosparc.read(tmp_path / "none.cs")
    with pytest.raises(ReadError):
        cryosparc.read(tmp_path)


def test_nothing_is_ever_unpickled(tmp_path) -> None:
    with (tmp_path / "bad.cs").open("wb") as stream:
        np.save(stream, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ReadError):
        cryosparc.read(tmp_path / "bad.cs")
