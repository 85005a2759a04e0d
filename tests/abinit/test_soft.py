"""The posterior over a whole grid: normalised, exact, and firmest at the truth."""

from collections.abc import Iterator

import numpy as np
import pytest

from spa.abinit import shifted, soft
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
    data = planted(lumps(1), n=12, snr=0.4)
    rng = np.random.default_rng(3)
    poses = orientations.grid(0.7, operators("C1"), rng)
    poses[5] = data.poses[2]
    count = data.images.band.count(RADIUS)
    kx, ky = data.images.band.kx[:count], data.images.band.ky[:count]
    cut = [slices(reference(one, RADIUS), poses, kx, ky) for one in (data.volume, 0.5 * data.volume[::-1])]
    shifts = orientations.shift_grid(1.0, 2.0)
    shifts[1] = data.shifts[2]
    moves = shifted.shifts_of(shifts, kx, ky, 32)
    return data.images.block(np.arange(12), RADIUS, data.noise), [soft.slices_of(one, moves) for one in cut], 2.0


def direct(block: Block, one: soft.Slices, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """(n, s, g) log likelihood times prior, term by term; and the images (n, s, K) that are averaged."""
    count, shifts = one.power.shape[1], one.shifts.shifts
    x = (block.x[:, 0] + 1j * block.x[:, 1]).astype(np.complex128)[:, :count]
    ctf, kx, ky = block.ctf[:, :count].astype(np.float64), block.kx[:count], block.ky[:count]
    half = one.packed.reshape(-1, 2, count).astype(np.float64)
    p = half[:, 0] + 1j * half[:, 1]
    ramp = np.exp(2j * np.pi / block.band.box * (shifts @ np.stack([kx, ky])))
    rows = (x * ctf)[:, None] * ramp
    norm = np.einsum("ik,gk->ig", ctf**2, np.abs(p) ** 2)
    return 2 * (rows @ p.conj().T).real - norm[:, None] - (shifts**2).sum(1)[:, None] / (2 * sigma**2), rows


def by_hand(scored, temper: soft.Temper) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Weights (n, s, g) of each class, rows (n, s, K) and log evidence (n, c), in double precision."""
    block, classes, sigma = scored
    weights, every, logs = [], [], []
    for one in classes:
        score, rows = direct(block, one, sigma)
        score *= temper.beta
        prior = np.exp(-temper.beta * (one.shifts.shifts.astype(float) ** 2).sum(1) / (2 * sigma**2)).sum()
        logs.append(np.logaddexp.reduce(score, axis=(1, 2)) - np.log(prior * len(one.packed)))
        weights.append(np.exp(score - np.logaddexp.reduce(score, axis=(1, 2))[:, None, None]))
        every.append(rows)
    evidence = np.stack(logs, axis=1)
    share = np.exp(evidence - np.logaddexp.reduce(evidence, axis=1)[:, None])
    share = (1 - temper.similarity) * share + temper.similarity / len(classes)
    return [one * part[:, None, None] for one, part in zip(weights, share.T)], every, evidence


@pytest.mark.parametrize("sparse", [0, 1 / 6, np.inf])
@pytest.mark.parametrize("temper", [soft.Temper(), soft.Temper(0.02), soft.Temper(0.2, 0.5)])
def test_averages_and_evidence_are_the_direct_sums(
    scored, temper: soft.Temper, sparse: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether weights are few or many, and whether an image has one class or several."""
    monkeypatch.setattr(soft, "SPARSE", sparse)
    found, block = soft.averages(*scored, temper), scored[0]
    weights, rows, evidence = by_hand(scored, temper)
    np.testing.assert_allclose(found.evidence, evidence, rtol=2e-3, atol=0.05)
    np.testing.assert_allclose(found.share.T, [one.sum(axis=(1, 2)) for one in weights], atol=0.01)
    np.testing.assert_allclose(found.peak, np.max([one.max(axis=(1, 2)) for one in weights], axis=0), rtol=0.05)
    for number, (weight, row) in enumerate(zip(weights, rows)):
        total = np.einsum("isg,isk->gk", weight, row)
        off = found.values[number].reshape(len(total), 2, -1) - np.stack([total.real, total.imag], axis=1)
        assert np.linalg.norm(off) < 0.03 * np.linalg.norm(total)
        square = weight.sum(axis=1).T @ block.ctf.astype(np.float64) ** 2
        assert np.linalg.norm(found.weights[number] - square) < 0.03 * np.linalg.norm(square)


@pytest.mark.parametrize("below", [6.0, 10.0, 13.0])
@pytest.mark.parametrize("many", [1, 20, 20_000])
def test_weights_that_are_left_out_have_next_to_none_of_the_mass(below: float, many: int) -> None:
    """One pose that is likelier by far than each of many others may be less likely than all of them."""
    cross = np.full((2, 1, many + 1), -below / 2, np.float32)
    cross[:, 0, 0] = 0
    both, each, zero = np.empty((2, many + 1), np.float32), np.empty((2, 2), np.float32), np.zeros(1, np.float32)
    counts = np.empty(2, np.int64)
    soft._weigh(cross, np.zeros((2, many + 1), np.float32), zero, np.float32(1), both, each, counts)
    assert np.array_equal(both[0], both[1]) and np.array_equal(each[0], each[1]) and counts[0] == counts[1]
    total, sums, count = both[1], each[1], counts[1]
    assert sums[1] == pytest.approx(1 + many * np.exp(-below), rel=1e-3)
    assert (1 - soft.LOST) * sums[1] <= total.sum() <= sums[1] * 1.001 and count == np.count_nonzero(total)
    assert count == many + 1 or below > 9


@pytest.mark.parametrize("sparse", [0, np.inf])
def test_weights_one_by_one_are_those_at_once(scored, sparse: float, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = []
    for limit in (sparse, 1 / 6):
        monkeypatch.setattr(soft, "SPARSE", limit)
        ends.append(soft.averages(*scored))
    for one, other in zip(ends[0].values, ends[1].values):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max())


def test_a_class_is_scored_in_its_own_band_and_shifts_alone(scored) -> None:
    """What it has of an image is what the image would have in a block of just that band."""
    block, (wide, narrow), sigma = scored
    count = block.band.count(4)
    cut = np.ascontiguousarray(narrow.packed.reshape(len(narrow.packed), 2, -1)[:, :, :count])
    moves = shifted.shifts_of(narrow.shifts.shifts[::2], block.kx[:count], block.ky[:count], 32)
    low = soft.slices_of(cut, moves)
    alone = Block(block.band, block.x[:, :, :count].copy(), block.ctf[:, :count].copy())
    found, wanted = soft.weighed(block, low, sigma), soft.weighed(alone, low, sigma)
    np.testing.assert_array_equal(found.evidence, wanted.evidence)
    both = soft.averages(block, [wide, low], sigma)
    assert [one.shape[1] for one in both.weights] == [block.x.shape[2], count]
    np.testing.assert_allclose(both.evidence[:, 1], wanted.evidence, rtol=1e-6)


def test_evidence_does_not_depend_on_how_closely_shifts_lie(scored) -> None:
    """Classes whose bands ask for other grids of shifts are compared: what is summed over is counted."""
    block, (one, _), _ = scored
    moves = [shifted.shifts_of(orientations.shift_grid(step, 4.0), block.kx, block.ky, 32) for step in (0.5, 2.6)]
    few = [soft.Slices(1e-3 * one.packed, 1e-6 * one.power, each) for each in moves]
    fine, coarse = (soft.weighed(block, slices, 1.6).evidence for slices in few)
    np.testing.assert_allclose(fine, coarse, atol=0.02)


def test_the_true_pose_has_the_greatest_weight(scored) -> None:
    block, (right, _), sigma = scored
    found = soft.weighed(block, right, sigma)
    assert found.total[2].argmax() == 5
    few = next(one for one in found.few if 2 in one.images)
    (place,) = np.flatnonzero(few.images == 2)
    mine = slice(*few.ends[place : place + 2])
    top = mine.start + few.weights[mine].argmax()
    assert few.shifts[top] == 1 and few.slices[top] == 5


def test_classes_are_alike_at_full_similarity(scored) -> None:
    np.testing.assert_allclose(soft.averages(*scored, soft.Temper(1.0, 1.0)).share, 0.5, rtol=1e-6)


def test_images_in_parts_give_the_averages_of_all(scored) -> None:
    block, classes, sigma = scored
    cut = [Block(block.band, block.x[part], block.ctf[part]) for part in (slice(0, 5), slice(5, 12))]
    found = soft.together(soft.averages(part, classes, sigma) for part in cut)
    whole = soft.averages(*scored)
    for one, other in zip(found.values + found.weights, whole.values + whole.weights):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max())
    np.testing.assert_allclose(found.evidence, whole.evidence, rtol=1e-5, atol=1e-4)
    assert found.share.shape == whole.share.shape and found.peak.shape == whole.peak.shape


def test_the_tile_unit_gives_the_same_products_but_for_rounding(scored) -> None:
    block, (one, _), sigma = scored
    found = soft.weighed(block, one, sigma, 0.02)
    assert not found.few
    rows = found.rows.reshape(-1, found.rows.shape[2])
    scores, sums = rows @ one.packed.T, soft._summed(found.weights, found.rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(amx, "there", THERE)
        if not amx.there():
            pytest.skip("no tile unit")
        again = soft.slices_of(one.packed.reshape(len(one.packed), 2, -1), one.shifts)
        products = ((soft._scores(rows, again), scores), (soft._summed(found.weights, found.rows), sums))
        for rounded, wanted in products:
            assert 0 < np.linalg.norm(rounded - wanted) < 2**-8 * np.linalg.norm(wanted)
