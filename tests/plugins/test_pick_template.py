"""`spa pick template`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import is_png, run_spa

DIAMETER = ("--diameter", 120)


@pytest.fixture
def micrograph(tiny_micrograph: Path) -> Path:
    return tiny_micrograph


def ball(box: int = 48, pixel_size: float = 5.0, shift: int = 0) -> np.ndarray:
    offset = (np.arange(box) - box // 2 - shift) * pixel_size
    return np.clip((62 - np.hypot(offset[:, None], offset[None])) / 5, 0, 1).astype(np.float32)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Two discs: one in the middle and one beside it."""
    mrc.write(tmp_path / "classes.mrcs", np.stack([ball(), ball(shift=4)]), 5.0)
    return tmp_path / "classes.mrcs"


def run(source: Path, tmp_path: Path, *more: object) -> star.Tables:
    result = run_spa("pick", "template", source, "-d", tmp_path / "P", "-o", tmp_path / "p.star", *DIAMETER, *more)
    assert result.status == 0, result.stderr
    return star.read(tmp_path / "p.star")


def failed(source: Path, tmp_path: Path, *words: object) -> tuple[int, str]:
    result = run_spa("pick", "template", source, "-d", tmp_path / "P", *DIAMETER, *words)
    assert result.status not in (0, 70) and "Traceback" not in result.stderr
    return result.status, result.stderr


def found(tables: star.Tables) -> np.ndarray:
    table = tables["particles"]
    return np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], axis=1)


def missed(source: Path, xy: np.ndarray, radius: float = 2.5) -> int:
    truth = np.loadtxt(source.parent / "truth.txt")
    return int((np.hypot(*(truth[:, None] - xy[None]).transpose(2, 0, 1)).min(axis=1) > radius).sum())


def test_particles_are_found_and_the_table_says_how(micrograph: Path, stack: Path, tmp_path: Path) -> None:
    tables = run(micrograph, tmp_path, "--templates", stack, "--no-ctf", "--psi-step", 30)
    assert missed(micrograph, found(tables)) == 0 and len(found(tables)) <= 11
    table = tables["particles"]
    assert set(table.ints("rlnClassNumber").tolist()) <= {1, 2} and abs(table.floats("rlnAnglePsi")).max() <= 180
    assert (np.diff(table.floats("rlnAutopickFigureOfMerit")) <= 0).all() and "spaLocalPower" in table
    assert tables["micrographs"].columns == star.read(micrograph)["micrographs"].columns
    listed = star.read(tmp_path / "P" / "autopick.star")["coordinate_files"]
    file = star.read(listed.text("rlnMicrographCoordinates")[0])[""]
    assert file.floats("rlnCoordinateX").tolist() == table.floats("rlnCoordinateX").tolist()


def test_averages_are_centred_unless_told_not_to(micrograph: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "beside.mrcs", ball(shift=4)[None], 5.0)
    words = ("--templates", tmp_path / "beside.mrcs", "--no-ctf", "--psi-step", 180)
    assert missed(micrograph, found(run(micrograph, tmp_path, *words))) == 0
    assert missed(micrograph, found(run(micrograph, tmp_path, *words, "--no-center"))) == 9


def test_a_map_gives_templates(micrograph: Path, tmp_path: Path) -> None:
    z, y, x = np.mgrid[:40, :40, :40] - 20
    mrc.write(tmp_path / "map.mrc", (np.sqrt(x**2 + y**2 + z**2) < 12).astype(np.float32), 5.0)
    words = ("--map", tmp_path / "map.mrc", "--no-ctf", "--psi-step", 60)
    for more in (("--symmetry", "O"), ("--angular-step", 60), ("--symmetry", "I", "--angular-step", 60)):
        assert missed(micrograph, found(run(micrograph, tmp_path, *words, *more))) == 0
    count = [run(micrograph, tmp_path, *words, "--angular-step", step)["particles"].ints("rlnClassNumber").max()
             for step in (60, 20)]  # fmt: skip
    assert count[1] > count[0]


def test_a_rod_is_as_wide_as_it_is_long(micrograph: Path, tmp_path: Path) -> None:
    """Seen from its end it is narrow, which says nothing of its pixel size."""
    z, y, x = np.mgrid[:40, :40, :40] - 20
    for number, (along, *across) in enumerate(((x, y, z), (y, z, x), (z, x, y))):
        rod = (abs(along) < 12) & (np.hypot(*across) < 4)
        mrc.write(tmp_path / f"{number}.mrc", rod.astype(np.float32), 5.0)
        words = ("--map", tmp_path / f"{number}.mrc", "--no-ctf", "--psi-step", 60, "--angular-step", 60)
        for size, wrong in ((5, False), (2, True)):
            said = run_spa("pick", "template", micrograph, "-d", tmp_path / "P", *DIAMETER, "--threshold", 1,
                           *words, "--template-pixel-size", size).stderr  # fmt: skip
            assert ("is their pixel size right" in said or "too small" in said) == wrong


def test_templates_of_another_pixel_size_are_rescaled(micrograph: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "fine.mrcs", ball(120, 2.0)[None], 2.0)
    words = ("--templates", tmp_path / "fine.mrcs", "--no-ctf", "--psi-step", 180)
    assert missed(micrograph, found(run(micrograph, tmp_path, *words))) == 0
    mrc.write(tmp_path / "fine.mrcs", ball(120, 2.0)[None], 0.0)
    status, said = failed(micrograph, tmp_path, *words)
    assert status == 65 and "--template-pixel-size" in said
    assert missed(micrograph, found(run(micrograph, tmp_path, *words, "--template-pixel-size", 2))) == 0
    said = run_spa("pick", "template", micrograph, "-d", tmp_path / "P", *DIAMETER, *words, "--template-pixel-size", 6)
    assert "is their pixel size right" in said.stderr


def test_the_classes_of_the_stream_that_have_particles(micrograph: Path, stack: Path, tmp_path: Path) -> None:
    classes = star.Table.of(rlnReferenceImage=[f"{i}@{stack}" for i in (1, 2)], rlnClassNumber=[1, 2])
    particles = star.Table.of(rlnImageName=["1@x.mrcs"], rlnClassNumber=[2])
    tables = star.read(micrograph)
    alone = star.Tables({"optics": tables["optics"], "particles": particles, "classes": classes})
    star.write(alone, tmp_path / "alone.star")
    words = ("--micrographs", micrograph, "--no-ctf", "--psi-step", 180)
    picks = run(tmp_path / "alone.star", tmp_path, *words)
    assert missed(micrograph, found(picks)) == 0 and set(picks["particles"].ints("rlnClassNumber").tolist()) == {2}
    star.write(star.Tables({"model_classes": classes}), tmp_path / "model.star")
    both = run(micrograph, tmp_path, "--templates", tmp_path / "model.star", "--no-ctf", "--psi-step", 180)
    assert missed(micrograph, found(both)) == 0
    assert "--templates or --map" in failed(micrograph, tmp_path)[1]
    star.write(alone.with_block("particles", particles.with_columns(rlnClassNumber=[7])), tmp_path / "alone.star")
    assert "class 7" in failed(tmp_path / "alone.star", tmp_path, *words)[1]


def test_threshold_spacing_most_picks_lowpass_and_ctf(micrograph: Path, stack: Path, tmp_path: Path) -> None:
    words = ("--templates", stack, "--psi-step", 90)
    table = run(micrograph, tmp_path, *words, "--no-ctf", "--threshold", 5)["particles"]
    assert table.floats("rlnAutopickFigureOfMerit").min() >= 5
    low = (*words, "--threshold", 0.5)
    assert len(run(micrograph, tmp_path, *low, "--no-ctf", "--max-picks", 4)["particles"]) == 4
    xy = found(run(micrograph, tmp_path, *low, "--no-ctf", "--spacing", 300))
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(xy))
    assert apart.min() * 5 > 280
    assert missed(micrograph, found(run(micrograph, tmp_path, *words, "--no-ctf", "--lowpass", 40)), 4) == 0
    blind = run(micrograph, tmp_path, *low, "--no-ctf", "--learn-from", 1)["particles"]
    assert blind != run(micrograph, tmp_path, *low)["particles"]


def test_contrast_the_wrong_way_round_is_noticed(micrograph: Path, stack: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "dark.mrcs", -np.array(mrc.read(stack).data), 5.0)
    words = ("--no-ctf", "--psi-step", 180)
    told = run_spa("pick", "template", micrograph, "-d", tmp_path / "P", "-o", tmp_path / "p.star", *DIAMETER, *words,
                   "--templates", tmp_path / "dark.mrcs")  # fmt: skip
    assert told.status == 0 and "taken inverted" in told.stderr
    assert missed(micrograph, found(star.read(tmp_path / "p.star"))) == 0
    mrc.write(tmp_path / "tiny.mrc", -np.array(mrc.read(tmp_path / "tiny.mrc").data), 5.0)
    status, said = failed(micrograph, tmp_path, *words, "--templates", stack)
    assert status == 65 and "--white" in said
    assert missed(micrograph, found(run(micrograph, tmp_path, *words, "--templates", stack, "--white"))) == 0


def test_the_result_does_not_depend_on_the_threads_and_bad_micrographs_are_named(
    micrograph: Path, stack: Path, tmp_path: Path
) -> None:
    tables = star.read(micrograph)
    image = np.array(mrc.read(tmp_path / "tiny.mrc").data)
    bright = np.zeros_like(image)
    bright[100, 100] = 1000
    bad = {"zeros": image * 0, "nan": image * np.nan, "spot": bright, "small": image[:20, :20], "other": image[:, ::-1]}
    for name, data in bad.items():
        mrc.write(tmp_path / f"{name}.mrc", np.ascontiguousarray(data), 5.0)
    row = tables["micrographs"]
    names = ["tiny", *bad]
    rows = star.Table.concat([row.with_columns(rlnMicrographName=str(tmp_path / f"{name}.mrc")) for name in names])
    star.write(tables.with_block("micrographs", rows), tmp_path / "many.star")
    got = []
    for threads in (1, 2):
        result = run_spa("pick", "template", tmp_path / "many.star", "-d", tmp_path / "P", *DIAMETER, "--templates",
                         stack, "--psi-step", 180, "--threads", threads)  # fmt: skip
        assert result.status == 1 and "Traceback" not in result.stderr
        for name in ("zeros", "nan", "spot", "small"):
            assert len([line for line in result.stderr.splitlines() if f"{name}.mrc" in line]) == 1, result.stderr
        got.append(result.stdout)
    assert got[0] == got[1] and "other.mrc" in got[0]


@pytest.mark.parametrize("change, said", [
    ("nan", "template 1"), ("flat", "all equal"), ("small", "too small"), ("oblong", "square"),
])  # fmt: skip
def test_templates_that_cannot_be(micrograph: Path, stack: Path, tmp_path: Path, change: str, said: str) -> None:
    images = np.array(mrc.read(stack).data)
    changed = {"nan": images * np.nan, "flat": images * 0, "small": images[:, 12:32, 12:32], "oblong": images[:, 8:]}
    mrc.write(tmp_path / "bad.mrcs", np.ascontiguousarray(changed[change]), 5.0)
    status, line = failed(micrograph, tmp_path, "--templates", tmp_path / "bad.mrcs")
    assert status == 65 and said in line and "bad.mrcs" in line and line.count("\n") == 1


def test_maps_that_cannot_be(micrograph: Path, tmp_path: Path) -> None:
    mrc.write(tmp_path / "small.mrc", np.random.default_rng(0).random((16, 16, 16), np.float32), 5.0)
    assert "too small" in failed(micrograph, tmp_path, "--map", tmp_path / "small.mrc")[1]
    assert failed(micrograph, tmp_path, "--map", tmp_path / "small.mrc", "--symmetry", "Q")[0] == 2
    assert failed(micrograph, tmp_path, "--map", tmp_path / "none.mrc")[0] == 66


def test_options_that_exclude_each_other_and_nothing_found(micrograph: Path, stack: Path, tmp_path: Path) -> None:
    assert failed(micrograph, tmp_path, "--templates", stack, "--map", stack)[0] == 2
    assert failed(micrograph, tmp_path, "--templates", stack, "--lowpass", 100)[0] == 2
    status, said = failed(micrograph, tmp_path, "--templates", stack, "--symmetry", "D2")
    assert status == 2 and "--symmetry goes with --map" in said
    mrc.write(tmp_path / "map.mrc", np.random.default_rng(0).random((48, 48, 48), np.float32), 5.0)
    status, said = failed(micrograph, tmp_path, "--templates", tmp_path / "map.mrc")
    assert status == 65 and "give a map as --map" in said
    status, said = failed(micrograph, tmp_path, "--templates", stack, "--threshold", 1000)
    assert status == 65 and "no picks" in said


def test_resume_and_plot(micrograph: Path, stack: Path, tmp_path: Path) -> None:
    words = ("--templates", stack, "--psi-step", 180, "--no-ctf")
    first = run(micrograph, tmp_path, *words, "--plot", tmp_path / "picks.png")
    assert is_png(tmp_path / "picks.png")
    assert run(micrograph, tmp_path, *words, "--resume") == first


def test_a_device_finds_the_same_picks(micrograph: Path, stack: Path, tmp_path: Path, card: Any) -> None:
    wanted = run(micrograph, tmp_path, "--templates", stack)["particles"]
    found = run(micrograph, tmp_path, "--templates", stack, "--device", "cuda")["particles"]
    assert card.launches["keep"] and len(found) == len(wanted)
    for name in ("rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"):
        assert np.allclose(found.floats(name), wanted.floats(name), atol=0.02)
