"""`spa post mask`."""

from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest

from spa.io import mrc, star
from spa.testing import HALF_BOX, HALF_PIXEL, is_png, run_spa, write_half_maps


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("halves")
    volume = write_half_maps(folder)
    mrc.write(folder / "map.mrc", volume, HALF_PIXEL)
    return folder


def run(data: Path, tmp_path: Path, *more: object) -> np.ndarray:
    files = ("--map", data / "map.mrc", "-d", tmp_path / "out", "-o", tmp_path / "o.star")
    result = run_spa("post", "mask", *files, *more)
    assert result.status == 0, result.stderr
    return mrc.read(tmp_path / "out" / "mask.mrc").data


def test_a_mask_from_a_map(data: Path, tmp_path: Path) -> None:
    mask, volume = run(data, tmp_path), mrc.read(data / "map.mrc").data
    assert mask.min() == 0 and mask.max() == 1 and 0.02 < mask.mean() < 0.5
    assert mask[volume > 0.3 * volume.max()].mean() > 0.99
    assert star.read(tmp_path / "o.star")["maps"].text("spaMapRole").tolist() == ["mask"]


@pytest.mark.parametrize("words", [("--extend", 1e6), ("--threshold", -1e9)])
def test_a_mask_of_all_the_box_is_none(data: Path, tmp_path: Path, words: tuple) -> None:
    result = run_spa("post", "mask", "--map", data / "map.mrc", "-d", tmp_path / "out", *words)
    assert result.status == 65 and "the mask would be all of the box" in result.stderr


def test_from_the_half_maps_of_the_stream(data: Path, tmp_path: Path) -> None:
    result = run_spa("post", "mask", data / "maps.star", "-d", tmp_path / "out")
    assert result.status == 0, result.stderr
    assert "threshold" in result.stderr and result.stdout.count("mask.mrc") >= 1
    (tmp_path / "again.star").write_text(result.stdout)
    roles = star.read(tmp_path / "again.star")["maps"].text("spaMapRole").tolist()
    assert roles == ["half1", "half2", "mask"]


def test_threshold_extend_and_edge(data: Path, tmp_path: Path) -> None:
    tight = run(data, tmp_path, "--threshold", "0.1", "--lowpass", 0, "--extend", 0, "--soft-edge", 0)
    assert np.array_equal(tight > 0, mrc.read(data / "map.mrc").data > np.float32(0.1))
    wide = run(data, tmp_path, "--threshold", "0.1", "--lowpass", 0, "--extend", 9, "--soft-edge", 0)
    soft = run(data, tmp_path, "--threshold", "0.1", "--lowpass", 0, "--extend", 0, "--soft-edge", 9)
    assert tight.sum() < soft.sum() < wide.sum() and set(np.unique(wide)) == {0, 1}


def test_lowpass(data: Path, tmp_path: Path) -> None:
    assert run(data, tmp_path, "--lowpass", 30).sum() != run(data, tmp_path, "--lowpass", 15).sum()


def test_plot(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path, "--plot", tmp_path / "m.png")
    assert is_png(tmp_path / "m.png")


def test_an_empty_mask_is_refused(data: Path, tmp_path: Path) -> None:
    result = run_spa("post", "mask", "--map", data / "map.mrc", "-d", tmp_path, "--threshold", 1e6)
    assert result.status == 65 and "empty" in result.stderr and "Traceback" not in result.stderr


def test_no_map_anywhere(tmp_path: Path) -> None:
    star.write(star.Tables({"particles": star.Table.of(rlnImageName=["000001@a.mrcs"])}), tmp_path / "p.star")
    result = run_spa("post", "mask", tmp_path / "p.star", "-d", tmp_path / "out")
    assert result.status == 65 and "no data_maps row of role map" in result.stderr
    assert run_spa("post", "mask", "--map", tmp_path / "none.mrc", "-d", tmp_path / "out").status == 66


def test_classes(data: Path, tmp_path: Path) -> None:
    table = star.Table.of(
        spaMapName=[str(data / "map.mrc"), str(data / "half1.mrc")], spaMapRole=["map"] * 2, spaMapClass=[1, 2]
    )
    star.write(star.Tables({"maps": table}), tmp_path / "two.star")
    assert run_spa("post", "mask", tmp_path / "two.star", "-d", tmp_path / "out").status == 2
    result = run_spa("post", "mask", tmp_path / "two.star", "-d", tmp_path / "out", "--class", 2)
    assert result.status == 0 and "mask.mrc mask 2" in result.stdout


def test_the_edge_widens_with_a_coarse_fsc(data: Path, tmp_path: Path) -> None:
    box = len(mrc.read(data / "map.mrc").data)
    shells = np.arange(box // 2 + 1)
    table = star.Table.of(rlnSpectralIndex=shells, rlnGoldStandardFsc=(shells < 8).astype(float))
    star.write(star.Tables({"fsc": table}), tmp_path / "fsc.star")
    maps = star.Table.of(
        spaMapName=[str(data / "map.mrc"), str(tmp_path / "fsc.star")], spaMapRole=["map", "fsc"], spaMapClass=[1, 1]
    )
    star.write(star.Tables({"maps": maps}), tmp_path / "in.star")
    result = run_spa("post", "mask", tmp_path / "in.star", "-d", tmp_path / "m")
    width = box * HALF_PIXEL
    assert result.status == 0 and f"edge {max(12, min(2 * width / 7, 0.2 * width)):.3g} A" in result.stderr


def test_the_level_of_a_mass_holds_its_volume(data: Path, tmp_path: Path) -> None:
    made = run(data, tmp_path, "--mass", 60, "--extend", 0, "--soft-edge", 0)
    assert made.sum() * HALF_PIXEL**3 == pytest.approx(60e3 * 1.21, rel=0.02)
    call = ("post", "mask", "--map", data / "map.mrc", "-d", tmp_path / "x")
    assert run_spa(*call, "--mass", 60, "--threshold", 1).status == 2
    result = run_spa(*call, "--mass", 1e5)
    assert result.status == 65 and "of the box" in result.stderr


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_map_of_noise_is_said_to_be_one(data: Path, tmp_path: Path, seed: int) -> None:
    volume = mrc.read(data / "map.mrc").data
    rng = np.random.default_rng(seed)
    for name, signal in (("noise", 0 * volume), ("particle", 4 * volume / volume.std())):
        grain = rng.standard_normal(volume.shape).astype(np.float32)
        mrc.write(tmp_path / f"{name}.mrc", signal + 4 * grain, HALF_PIXEL)
        result = run_spa("post", "mask", "--map", tmp_path / f"{name}.mrc", "-d", tmp_path / name)
        if result.status == 0:  # or nothing at all lies above the threshold
            assert ("nothing stands out" in result.stderr) == (name == "noise")
        else:
            assert name == "noise" and "the mask would be empty" in result.stderr


def test_half_maps_of_noise_are_said_to_be_so(data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    volume = mrc.read(data / "map.mrc").data
    for number in (1, 2):  # what one of them has alone stands out of their mean
        part = volume / volume.std() * (number == 1) + rng.standard_normal(volume.shape).astype(np.float32)
        mrc.write(tmp_path / f"{number}.mrc", part, HALF_PIXEL)
    names = [str(tmp_path / f"{number}.mrc") for number in (1, 2)]
    table = star.Table.of(spaMapName=names, spaMapRole=["half1", "half2"], spaMapClass=[1, 1])
    star.write(star.Tables({"maps": table}), tmp_path / "maps.star")
    result = run_spa("post", "mask", tmp_path / "maps.star", "-d", tmp_path / "out")
    assert result.status == 0 and "agree no better than noise does" in result.stderr


def fitted(path: Path, *, origin: tuple[float, float, float] = (0, 0, 0)) -> Path:
    """Chains A and B of 30 atoms each, about places a quarter and three quarters along x of the map."""
    structure, model = gemmi.Structure(), gemmi.Model("1")
    rng = np.random.default_rng(0)
    for name, x in (("A", 0.3), ("B", 0.7)):
        chain, residue = gemmi.Chain(name), gemmi.Residue()
        residue.name, residue.seqid = "ALA", gemmi.SeqId("1")
        for place in np.array([x, 0.5, 0.5]) * HALF_BOX * HALF_PIXEL + rng.normal(0, 4, (30, 3)) + origin:
            atom = gemmi.Atom()
            atom.name, atom.element, atom.pos = "CA", gemmi.Element("C"), gemmi.Position(*place)
            residue.add_atom(atom)
        chain.add_residue(residue)
        model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(path))
    return path


def test_of_atoms(data: Path, tmp_path: Path) -> None:
    model = fitted(tmp_path / "a.pdb")
    one = run(data, tmp_path, "--model", model, "--chain", "A", "--extend", 0, "--soft-edge", 0)
    both = run(data, tmp_path, "--model", model, "--extend", 0, "--soft-edge", 0)
    third = HALF_BOX // 2
    assert one[:, :, :third].sum() > 0 == one[:, :, third + 2 :].sum()  # x is the last axis
    assert both[:, :, third + 2 :].sum() > 0 and np.array_equal(both[:, :, : third - 2], one[:, :, : third - 2])
    middle = np.argwhere(one).mean(axis=0)[::-1]
    assert np.abs(middle - np.array([0.3, 0.5, 0.5]) * HALF_BOX).max() < 2


def test_atoms_count_from_the_origin_that_the_header_tells(data: Path, tmp_path: Path) -> None:
    plain = run(data, tmp_path, "--model", fitted(tmp_path / "a.pdb"))
    moved = tmp_path / "moved.mrc"
    moved.write_bytes((data / "map.mrc").read_bytes())
    with mrcfile.open(moved, "r+") as file:
        file.header.origin = (-40, 25, 10)
    model = fitted(tmp_path / "b.pdb", origin=(-40, 25, 10))
    result = run_spa("post", "mask", "--map", moved, "-d", tmp_path / "m", "--model", model)
    assert result.status == 0, result.stderr
    assert np.abs(mrc.read(tmp_path / "m/mask.mrc").data - plain).max() < 0.02


def test_other_masks_cut_and_add(data: Path, tmp_path: Path) -> None:
    model = fitted(tmp_path / "a.pdb")
    made = {}
    for name, words in {"a": ("--chain", "A"), "b": ("--chain", "B"), "both": ()}.items():
        made[name] = np.array(run(data, tmp_path, "--model", model, *words))
        (tmp_path / f"{name}.mrc").write_bytes((tmp_path / "out/mask.mrc").read_bytes())
    left = run(data, tmp_path, "--model", model, "--without", tmp_path / "b.mrc")
    assert np.array_equal(left, np.minimum(made["both"], 1 - made["b"]))
    cut = run(data, tmp_path, "--model", model, "--within", tmp_path / "a.mrc")
    assert np.array_equal(cut, np.minimum(made["both"], made["a"]))
    more = run(data, tmp_path, "--model", model, "--chain", "A", "--join", tmp_path / "b.mrc")
    assert np.array_equal(more, np.maximum(made["a"], made["b"]))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--chain", "A"), 2, "--chain goes with --model"),
        (("--model", "a.pdb", "--chain", "Z"), 65, "no chain 'Z' in it (it has A, B)"),
        (("--model", "a.pdb", "--mass", 90), 2, "of masks from maps"),
        (("--model", "far.pdb"), 65, "is it fitted to this map?"),
        (("--model", "a.pdb", "--without", "out/mask.mrc", "--without", "all.mrc"), 65, "nothing is left"),
        (("--within", "small.mrc"), 65, "box 8 pixels"),
        (("--model", "none.pdb"), 66, "none.pdb"),
    ],
)
def test_what_cannot_be_is_refused(data: Path, tmp_path: Path, words: tuple, status: int, said: str) -> None:
    model = fitted(tmp_path / "a.pdb")
    fitted(tmp_path / "far.pdb", origin=(4000, 0, 0))
    run(data, tmp_path, "--model", model)
    mrc.write(tmp_path / "all.mrc", np.ones((HALF_BOX,) * 3, np.float32), HALF_PIXEL)
    mrc.write(tmp_path / "small.mrc", np.ones((8,) * 3, np.float32), HALF_PIXEL)
    words = tuple(tmp_path / one if str(one).endswith((".pdb", ".mrc")) else one for one in words)
    result = run_spa("post", "mask", "--map", data / "map.mrc", "-d", tmp_path / "bad", *words)
    assert result.status == status and said in result.stderr.splitlines()[-1], result.stderr
