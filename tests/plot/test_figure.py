"""Figures are whole files, the same bytes for the same figure."""

import sys
from pathlib import Path

import numpy as np
import pytest

from spa.errors import DeviceError, WriteError
from spa.plot import bfactor
from spa.plot.figure import open_figure, save


def drawn(path: Path) -> bytes:
    figure = open_figure(3, 2)
    figure.add_subplot().plot([1, 2, 3])
    save(figure, path)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_the_same_figure_is_the_same_bytes(kind: str, tmp_path: Path) -> None:
    assert drawn(tmp_path / f"a.{kind}") == drawn(tmp_path / f"b.{kind}") != b""
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{kind}", f"b.{kind}"]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="nowhere"):
        drawn(tmp_path / "nowhere" / "a.png")
    with pytest.raises(WriteError, match="xyz"):
        drawn(tmp_path / "a.xyz")


def test_no_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DeviceError, match=r"spa\[plot\]"):
        open_figure()


def test_labels_of_resolutions_do_not_lie_on_one_another() -> None:
    ticks = bfactor.apart(np.array([3.0, 3.1, 3.3, 4.0, 8.0]), 0.01)
    assert ticks.tolist() == [3.0, 3.3, 4.0, 8.0] and (-np.diff(1 / ticks**2) >= 0.01).all()
