"""The posterior over a whole grid: normalised, exact, and firmest at the truth."""

from collections.abc import Iterator

import numpy as np
import pytest

from spa.abinit import soft
from spa.image import amx
from spa.search import orientations
from spa.volume.slices import reference, slices
from spa.volume.symmetry import operators

RADIUS = 7
THERE = amx.there


@pytest.fixture(scope="module", autouse=True)
def plain() -> Iterator[None]:
    """The definition, whatever unit the processor has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(amx, "there", lambda: False)
        yield


@pytest.fixture(scope="module")
def scored(planted, lumps):
    """A block of 12 images, slices of two classes, shifts."""
    data = planted(lumps(1), n=12)
    rng = np.random.default_rng(3)
    poses = orientations.grid(0.7, operators("C1"), rng)
    poses[5] = data.poses[2]
    count = data.images.band.count(RADIUS)
    kx, ky = data.images.band.kx[:count], data.images.band.ky[:count]
    cut = [slices(reference(one, RADIUS), poses, kx, ky) for one in (data.volume, 0.5 * data.volume[::-1])]
    shifts = orientations.shift_grid(1.0, 2.0)
    shifts[1] = data.shifts[2]
    return data.images.block(np.arange(12), RADIUS, data.noise), soft.slices_of(poses, cut), shifts


@pytest.mark.parametrize("temper", [soft.Temper(), soft.Temper(0.2), soft.Temper(0.6, 0.5)])
def test_weights_of_an_image_sum_to_one(scored, temper: soft.Temper) -> None:
    weights, total, _, _, share, peak = soft.posterior(*scored, 2.0, temper)
    np.testing.assert_allclose(total.sum(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(weights.reshape(12, -1).sum(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(share.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(peak, weights.reshape(12, -1).max(axis=1), rtol=1e-4)


def test_evidence_is_the_direct_sum(scored) -> None:
    block, columns, shifts = scored
    _, _, _, evidence, _, _ = soft.posterior(block, columns, shifts, 2.0)
    x = (block.x[:, 0] + 1j * block.x[:, 1]).astype(np.complex128)
    half = columns.packed.reshape(2, -1, 2, x.shape[1]).astype(np.float64)
    p = half[:, :, 0] + 1j * half[:, :, 1]
    ramp = np.exp(2j * np.pi / 32 * (shifts @ np.stack([block.kx, block.ky])))
    cross = 2 * np.einsum("ik,sk,cgk->icsg", x * block.ctf, ramp, p.conj()).real
    norm = np.einsum("ik,cgk->icg", block.ctf.astype(np.float64) ** 2, np.abs(p) ** 2)
    score = cross - norm[:, :, None] - (shifts**2).sum(1)[:, None] / (2 * 2.0**2)
    top = score.max(axis=(2, 3), keepdims=True)
    wanted = top[:, :, 0, 0] + np.log(np.exp(score - top).mean(axis=(2, 3)))
    np.testing.assert_allclose(evidence, wanted, atol=2e-3)


def test_the_true_pose_has_the_greatest_weight(scored) -> None:
    weights, total, *_ = soft.posterior(*scored, 2.0)
    assert total[2].argmax() == 5
    assert weights.reshape(12, len(scored[2]), -1)[2, :, 5].argmax() == 1


def test_classes_are_alike_at_full_similarity(scored) -> None:
    found = soft.averages(*scored, 2.0, soft.Temper(1.0, 1.0))
    np.testing.assert_allclose(found.share, 0.5, rtol=1e-6)


def test_averages_are_the_weighted_rows(scored) -> None:
    weights, total, rows, *_ = soft.posterior(*scored, 2.0)
    found = soft.averages(*scored, 2.0)
    g = int(found.weights.sum(axis=1).argmax())
    np.testing.assert_allclose(found.values[g], weights[:, g] @ rows, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.weights[g], total[:, g] @ scored[0].ctf ** 2, rtol=1e-3, atol=1e-4)


def test_the_tile_unit_gives_the_same_products_but_for_rounding(scored) -> None:
    block, columns, shifts = scored
    weights, _, rows, *_ = soft.posterior(block, columns, shifts, 2.0, soft.Temper(0.2))
    scores, sums = rows @ columns.packed.T, weights.T @ rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(amx, "there", THERE)
        if not amx.there():
            pytest.skip("no tile unit")
        cut = columns.packed.reshape(2, -1, 2, columns.packed.shape[1] // 2)
        again = soft.slices_of(columns.poses, list(cut))
        for found, wanted in ((soft._scores(rows, again), scores), (soft._gathered(weights, rows), sums)):
            assert 0 < np.linalg.norm(found - wanted) < 2**-8 * np.linalg.norm(wanted)
