"""The point group of a map is found, and none where there is none."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spa.symmetry import detect, place
from spa.symmetry.align import turned
from spa.symmetry.groups import group
from spa.volume.shells import lowpass
from spa.volume.symmetry import operators

CLEAN = [("C3", 0), ("C12", 0), ("D2", 0), ("T", 0), ("I", 0)]
NOISY = [("C1", 2), ("C2", 2), ("C5", 2), ("D7", 2), ("O", 2)]


@pytest.mark.parametrize(("name", "noise"), CLEAN + NOISY)
def test_the_group_is_found(astray, name: str, noise: float) -> None:
    assert detect.detected(astray(name, seed=len(name) + ord(name[0]), noise=noise)).name == name


@pytest.mark.parametrize("name", ["C5", "D2", "D7", "T", "O", "I"])
def test_the_map_is_laid_on_the_axes(astray, name: str) -> None:
    volume = astray(name)
    found = detect.detected(volume).chosen
    assert found is not None
    if name[0] != "C":  # a lone axis leaves a line of origins
        np.testing.assert_allclose(found.centre, (3, -1, 2), atol=0.1)
    laid = place.laid(volume, found.frame, found.centre)
    for one in operators(name)[1:]:
        assert np.corrcoef(laid.ravel(), turned(laid, one).ravel())[0, 1] > 0.97


def test_the_origin_goes_to_a_lone_axis_and_no_further(astray) -> None:
    found = detect.placed(astray("C5"), "C5")
    axis = found.frame[2]
    assert abs(found.centre @ axis) < 1e-6
    away = found.centre - np.array((3, -1, 2))
    assert np.linalg.norm(away - (away @ axis) * axis) < 0.15


@pytest.mark.parametrize("shape", ["ball", "shell", "ellipsoid", "lump", "noise"])
def test_shapes_without_detail_are_no_polyhedra(shape: str, lumps) -> None:
    n = 64
    z, y, x = np.mgrid[:n, :n, :n] - n // 2
    radius = np.sqrt(x * x + y * y + z * z)
    rng = np.random.default_rng(3)
    made = {
        "ball": (radius < 18).astype(float), "shell": ((radius < 20) & (radius > 14)).astype(float),
        "ellipsoid": ((x / 20) ** 2 + (y / 14) ** 2 + (z / 10) ** 2 < 1).astype(float),
        "lump": lowpass(np.pad(lumps(5), 16), 6.0, 60.0), "noise": 0 * radius,
    }[shape]  # fmt: skip
    volume = gaussian_filter(made, 1) + 0.05 * rng.standard_normal(radius.shape)
    name = detect.detected(turned(volume, Rotation.random(random_state=1).as_matrix()).astype(np.float32)).name
    assert name == "C1" if shape != "ellipsoid" else name in ("C1", "C2", "D2")  # as ellipsoids have


def test_a_group_is_better_than_the_ones_around_it(astray) -> None:
    found = {one.group.name: one for one in detect.detected(astray("C4")).candidates}
    assert found["C4"].evident and found["C4"].weakest > 0.8
    for name in {"C8", "D4", "O", "C12"} & set(found):
        assert found[name].weakest < detect.LIKE * found["C4"].weakest


@pytest.mark.parametrize("name", ["C7", "D5", "T", "O", "I"])
def test_axes_of_a_group(name: str) -> None:
    there = group(name)
    assert (there.folds - 1).sum() == len(operators(name)) - 1
    np.testing.assert_allclose(np.linalg.norm(there.axes, axis=1), 1)
