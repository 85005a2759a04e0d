"""The posterior over a whole grid: normalised, exact, and firmest at the truth."""

from collections.abc import Iterator

import numpy as np
import pytest

from spa.abinit import soft
from spa.image import amx
from spa.search import orientations
from spa.search.images import Block
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
    return data.images.block(np.arange(12), RADIUS, data.noise), [soft.slices_of(one, shifts) for one in cut], 2.0


@pytest.mark.parametrize("temper", [soft.Temper(), soft.Temper(0.2), soft.Temper(0.6, 0.5)])
def test_weights_of_an_image_sum_to_one(scored, temper: soft.Temper) -> None:
    block, classes, sigma = scored
    found = [soft.weighed(block, one, sigma, temper.beta) for one in classes]
    mass = np.stack([one.mass for one in found], axis=1)
    share, peak = soft.shared(np.stack([one.evidence for one in found], axis=1), mass, temper.similarity)
    np.testing.assert_allclose(share.sum(axis=1), 1, rtol=1e-5)
    weights = [one.weights.reshape(12, -1) * (part / one.mass)[:, None] for one, part in zip(found, share.T)]
    np.testing.assert_allclose(sum(one.sum(axis=1) for one in weights), 1, rtol=1e-4)
    np.testing.assert_allclose(peak, np.max([one.max(axis=1) for one in weights], axis=0), rtol=1e-4)
    for one in found:
        np.testing.assert_allclose(one.total, one.weights.reshape(12, -1, one.total.shape[1]).sum(axis=1), rtol=1e-5)


def direct(block: Block, one: soft.Slices, sigma: float, count: int) -> np.ndarray:
    """(n, s, g) log likelihood times prior, term by term."""
    x = (block.x[:, 0] + 1j * block.x[:, 1]).astype(np.complex128)[:, :count]
    ctf, kx, ky = block.ctf[:, :count].astype(np.float64), block.kx[:count], block.ky[:count]
    half = one.packed.reshape(-1, 2, count).astype(np.float64)
    p = half[:, 0] + 1j * half[:, 1]
    ramp = np.exp(2j * np.pi / block.band.box * (one.shifts @ np.stack([kx, ky])))
    cross = 2 * np.einsum("ik,sk,gk->isg", x * ctf, ramp, p.conj()).real
    norm = np.einsum("ik,gk->ig", ctf**2, np.abs(p) ** 2)
    return cross - norm[:, None] - (one.shifts**2).sum(1)[:, None] / (2 * sigma**2)


def test_evidence_is_the_direct_sum_with_all_poses_alike(scored) -> None:
    block, classes, sigma = scored
    for one in classes:
        score = direct(block, one, sigma, block.x.shape[2])
        prior = np.exp(-(one.shifts**2).sum(1) / (2 * sigma**2)).sum() * len(one.packed)
        top = score.max(axis=(1, 2))
        wanted = top + np.log(np.exp(score - top[:, None, None]).sum(axis=(1, 2)) / prior)
        np.testing.assert_allclose(soft.weighed(block, one, sigma).evidence, wanted, atol=2e-3)


def test_a_class_is_scored_in_its_own_band_and_shifts_alone(scored) -> None:
    """What it has of an image is what the image would have in a block of just that band."""
    block, (wide, narrow), sigma = scored
    count, shifts = block.band.count(4), np.ascontiguousarray(narrow.shifts[::2])
    cut = narrow.packed.reshape(len(narrow.packed), 2, -1)[:, :, :count]
    low = soft.slices_of(np.ascontiguousarray(cut), shifts)
    alone = Block(block.band, block.x[:, :, :count].copy(), block.ctf[:, :count].copy())
    found, wanted = soft.weighed(block, low, sigma), soft.weighed(alone, low, sigma)
    np.testing.assert_array_equal(found.evidence, wanted.evidence)
    both = soft.averages(block, [wide, low], sigma)
    assert [one.shape[1] for one in both.weights] == [block.x.shape[2], count]
    share = both.share[:, 1] / wanted.mass
    by_hand = (wanted.weights.reshape(12, len(shifts), -1) * share[:, None, None]).reshape(-1, len(cut))
    np.testing.assert_allclose(both.values[1], by_hand.T @ wanted.rows, rtol=1e-3, atol=1e-3)


def test_evidence_does_not_depend_on_how_closely_shifts_lie(scored) -> None:
    """Classes whose bands ask for other grids of shifts are compared: what is summed over is counted."""
    block, (one, _), _ = scored
    few = [soft.Slices(1e-3 * one.packed, 1e-6 * one.power, orientations.shift_grid(step, 4.0)) for step in (0.5, 2.6)]
    fine, coarse = (soft.weighed(block, slices, 1.6).evidence for slices in few)
    np.testing.assert_allclose(fine, coarse, atol=0.02)


def test_the_true_pose_has_the_greatest_weight(scored) -> None:
    block, (right, _), sigma = scored
    found = soft.weighed(block, right, sigma)
    assert found.total[2].argmax() == 5
    assert found.weights.reshape(12, len(right.shifts), -1)[2, :, 5].argmax() == 1


def test_classes_are_alike_at_full_similarity(scored) -> None:
    np.testing.assert_allclose(soft.averages(*scored, soft.Temper(1.0, 1.0)).share, 0.5, rtol=1e-6)


def test_averages_are_the_weighted_rows(scored) -> None:
    block, classes, sigma = scored
    found = soft.averages(*scored)
    for number, one in enumerate(classes):
        alone = soft.weighed(block, one, sigma)
        scale = found.share[:, number] / alone.mass
        weights = (alone.weights.reshape(12, len(one.shifts), -1) * scale[:, None, None]).reshape(len(alone.rows), -1)
        np.testing.assert_allclose(found.values[number], weights.T @ alone.rows, rtol=1e-3, atol=1e-3)
        square = (alone.total * scale[:, None]).T @ block.ctf**2
        np.testing.assert_allclose(found.weights[number], square, rtol=1e-3, atol=1e-4)


def test_images_in_parts_give_the_averages_of_all(scored) -> None:
    block, classes, sigma = scored
    cut = [Block(block.band, block.x[part], block.ctf[part]) for part in (slice(0, 5), slice(5, 12))]
    found = soft.together(soft.averages(part, classes, sigma) for part in cut)
    whole = soft.averages(*scored)
    for one, other in zip(found.values + found.weights, whole.values + whole.weights):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.evidence, whole.evidence, rtol=1e-5)
    assert found.share.shape == whole.share.shape and found.peak.shape == whole.peak.shape


def test_the_tile_unit_gives_the_same_products_but_for_rounding(scored) -> None:
    block, (one, _), sigma = scored
    found = soft.weighed(block, one, sigma, 0.2)
    weights, rows = found.weights, found.rows
    scores, sums = rows @ one.packed.T, weights.T @ rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(amx, "there", THERE)
        if not amx.there():
            pytest.skip("no tile unit")
        again = soft.slices_of(one.packed.reshape(len(one.packed), 2, -1), one.shifts)
        for found, wanted in ((soft._scores(rows, again), scores), (soft._summed(weights, rows), sums)):
            assert 0 < np.linalg.norm(found - wanted) < 2**-8 * np.linalg.norm(wanted)
