"""What jobs write is known by the file itself."""

from pathlib import Path

import numpy as np
import pytest

from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.io.written import is_figure, is_page, is_table
from spa.plot.figure import open_figure, save


@pytest.mark.parametrize("kind", ["png", "pdf", "svg", "eps", "jpg", "tif"])
def test_figures_are_known_in_every_format(kind: str, tmp_path: Path) -> None:
    figure = open_figure(2, 1)
    save(figure, tmp_path / f"ours.{kind}")
    figure.savefig(tmp_path / f"theirs.{kind}")
    assert is_figure(tmp_path / f"ours.{kind}") and not is_figure(tmp_path / f"theirs.{kind}")


def test_tables_are_known_behind_their_comments(tmp_path: Path) -> None:
    tables = Tables({"particles": Table.of(rlnImageName=["1@a.mrcs"])}, history=["x" * 5000] * 20)
    star.write(tables, tmp_path / "a.star")
    mrc.write(tmp_path / "a.mrc", np.zeros((4, 4), np.float32), 1.0)
    (tmp_path / "run.sh").write_text("#!/bin/sh\nspa doctor\n")
    (tmp_path / "empty").touch()
    known = {path.name for path in tmp_path.iterdir() if is_table(path)}
    assert known == {"a.star", "empty"}


def test_pages_are_known(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<!DOCTYPE html><p>x")
    (tmp_path / "a.txt").write_text("x <html>")
    assert is_page(tmp_path / "a.html") and not is_page(tmp_path / "a.txt")
