"""The fast reader of entry points agrees with importlib.metadata."""

from importlib.metadata import entry_points
from pathlib import Path

from spa.cli.discovery import entries


def test_it_finds_what_importlib_finds() -> None:
    for group in ("spa.plugins", "console_scripts", "pytest11"):
        theirs = {
            (point.name, point.value.split(" ")[0], point.dist.version if point.dist else "")
            for point in entry_points(group=group)
        }
        assert {(one.name, one.target, one.version) for one in entries(group)} == theirs


def installed(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "entry_points.txt").write_text(text)


def test_the_first_of_two_counts_and_own_come_first(tmp_path: Path) -> None:
    installed(tmp_path / "1", "spa_x-2.0.dist-info", "[spa.plugins]\nx = new # no\n")
    installed(tmp_path / "2", "Spa.X-1.0.dist-info", "[spa.plugins]\nx = old\ny = old\n")
    installed(tmp_path / "2", "spa-1.0.egg-info", "[spa.plugins]\nz=own:face [extra]\n[other]\nw = no\n")
    (tmp_path / "2" / "empty-1.dist-info").mkdir()
    found = entries(path=[str(tmp_path / "nowhere"), str(tmp_path / "1"), str(tmp_path / "2")])
    assert [(one.name, one.target.split(" ")[0], one.owner) for one in found] == [
        ("z", "own:face", "spa 1.0"),
        ("x", "new", "spa-x 2.0"),
    ]
