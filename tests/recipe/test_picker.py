"""The file of a picker: whole, plain, and refused when it is anything else."""

from pathlib import Path

import numpy as np
import pytest

from spa.errors import DataError, MissingInput
from spa.io import arrays
from spa.recipe import picker


def test_the_general_picker_comes_with_spa() -> None:
    found = picker.read(None)
    assert found.diameter == 0 and picker.GENERAL.stat().st_size < 2_000_000


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Weights to half precision; the same bytes each time."""
    made = picker.Picker(picker.read(None).weights, 123.4, -0.7, True)
    for name in "ab":
        picker.write(made, tmp_path / name)
    found = picker.read(tmp_path / "a")
    assert (found.diameter, found.threshold, found.white) == (123.4, -0.7, True)
    assert all(np.array_equal(found.weights[name], one) for name, one in made.weights.items())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("change, said", [
    ({"version": np.array(99.0)}, "version 99"), ({"across": np.array(20.0)}, "across 20"),
    ({"threshold": np.array("x")}, "threshold"), ({"white": None}, "white"), ({"stem.weight": None}, "stem.weight"),
    ({"head.bias": np.zeros(2)}, "head.bias"), ({"head.bias": np.full(1, np.nan)}, "head.bias"),
])  # fmt: skip
def test_another_file_is_refused(tmp_path: Path, change: dict, said: str) -> None:
    kept = {**arrays.read(picker.GENERAL), **change}
    arrays.write(tmp_path / "p.npz", {name: one for name, one in kept.items() if one is not None})
    with pytest.raises(DataError, match=said):
        picker.read(tmp_path / "p.npz")


def test_garbage_pickles_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a picker?")
    np.savez(tmp_path / "pickled.npz", version=np.array([{}], object))
    (tmp_path / "cut.npz").write_bytes(picker.GENERAL.read_bytes()[:5000])
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("text", "pickled.npz", "cut.npz", "one.npy"):
        with pytest.raises(DataError, match=name):
            picker.read(tmp_path / name)
    with pytest.raises(MissingInput):
        picker.read(tmp_path / "gone")
