"""On the Ewald sphere an image is two slices, bent either way; without a bend they are one."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spa.image.disc import disc
from spa.volume import curved
from spa.volume.insert import Accumulator, Samples, accumulator
from spa.volume.slices import reference, slices

BOX, RADIUS, N = 24, 10, 6


@pytest.fixture
def case() -> dict:
    rng = np.random.default_rng(5)
    band = disc(BOX, RADIUS)
    shape = (N, len(band))
    return {
        "rng": rng, "kx": band.kx, "ky": band.ky,
        "poses": Rotation.random(N, random_state=rng).as_matrix(),
        "chi": rng.uniform(0, 6, shape).astype(np.float32), "size": rng.uniform(0.5, 1, shape).astype(np.float32),
        "volume": rng.normal(size=(BOX,) * 3).astype(np.float32),
    }  # fmt: skip


def test_without_a_bend_the_image_is_the_slice_times_the_ctf(case: dict) -> None:
    source = reference(case["volume"], RADIUS)
    seen = curved.seen(source, case["poses"], case["chi"], case["size"], np.zeros(N), case["kx"], case["ky"])
    flat = slices(source, case["poses"], case["kx"], case["ky"])
    wanted = (flat[:, 0] + 1j * flat[:, 1]) * np.sin(case["chi"]) * case["size"]
    assert np.abs(seen - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_likeness_is_one_at_no_distance_and_falls() -> None:
    apart = np.array([0, 1e-4, 1e-3, 5e-3])
    alike = curved.likeness(apart, 200)
    assert alike[0] == pytest.approx(1) and np.all(np.diff(alike) < 0)


def put(case: dict, bend: np.ndarray, x: np.ndarray, alike: np.ndarray) -> Accumulator:
    sums = accumulator(BOX, RADIUS)
    samples = Samples(np.arange(N), case["poses"], np.zeros((N, 2)), np.ones(N))
    curved.insert(sums, samples, *curved.sides(x, case["chi"], case["size"], alike), bend, case["kx"], case["ky"])
    return sums


def test_without_a_bend_insertion_is_that_of_flat_images(case: dict) -> None:
    x = np.ones(case["chi"].shape, np.complex64)
    sums = put(case, np.zeros(N), x, np.ones(x.shape))
    # both sides meet in one place, with the weight CTF^2 together
    weight = np.sin(case["chi"]) ** 2 * case["size"] ** 2
    assert sums.grid[..., 2].sum() == pytest.approx(weight.sum(), rel=0.02)  # less what leaves the grid


def test_insertion_is_the_adjoint_of_seeing(case: dict) -> None:
    """<A v, x> is <v, A* x> in the padded grid, whichever way the sphere bends."""
    rng = case["rng"]
    source = reference(case["volume"], RADIUS)
    bend = rng.uniform(-0.02, 0.02, N)
    x = (rng.normal(size=case["chi"].shape) + 1j * rng.normal(size=case["chi"].shape)).astype(np.complex64)
    seen = curved.seen(source, case["poses"], case["chi"], case["size"], bend, case["kx"], case["ky"])
    grid = put(case, bend, x, np.ones(x.shape)).grid
    nz = min(grid.shape[0], source.grid.shape[0])

    def middle(values: np.ndarray) -> np.ndarray:
        cut = (values.shape[0] - nz) // 2
        return values[cut : cut + nz, cut : cut + nz, : min(grid.shape[2], source.grid.shape[2])]

    mine, theirs = middle(grid), middle(source.grid)
    there = float((mine[..., 0] * theirs[..., 0] + mine[..., 1] * theirs[..., 1]).sum())
    here = float((seen.real * x.real + seen.imag * x.imag).sum())
    assert there == pytest.approx(here, rel=0.02)
