"""Dose weighting: Grant & Grigorieff's curve, and its few products."""

import numpy as np
import pytest

from spa.motion import dose


def test_the_published_curve() -> None:
    k = np.array([1 / 20, 1 / 10, 1 / 5, 1 / 3])
    wanted = 0.245 * k**-1.665 + 2.81  # as RELION rounds it
    np.testing.assert_allclose(dose.critical_dose(k, 300), wanted, rtol=2e-3)


@pytest.mark.parametrize("voltage, share", [(300, 1.0), (200, 0.8), (100, 0.64)])
def test_lower_voltages_burn_faster(voltage, share) -> None:
    k = np.array([0.1])
    assert dose.critical_dose(k, voltage) == pytest.approx(share * dose.critical_dose(k, 300))


def test_an_undamaged_frequency_keeps_its_weight() -> None:
    np.testing.assert_allclose(dose.weights(np.array([1.0, 50.0]), np.array([0.0]), 300), 1)


def test_weights_fall_with_dose_and_frequency() -> None:
    found = dose.weights(np.arange(1, 30.0), np.linspace(0.01, 0.4, 50), 300)
    assert (np.diff(found, axis=0) < 0).all() and (np.diff(found, axis=1) < 0).all()
    halved = dose.weights(dose.critical_dose(np.array([0.2]), 300), np.array([0.2]), 300)
    assert halved[0, 0] == pytest.approx(np.exp(-0.5))  # the power is down to 1/e


@pytest.mark.parametrize("frames, each, before", [(24, 1.5, 0.0), (80, 0.5, 5.0), (5, 8.0, 0.0)])
def test_few_products_are_the_weights(frames, each, before) -> None:
    doses = before + each * np.arange(1, frames + 1)
    found = dose.factors(doses, 1.1, 300)
    wanted = dose.weights(doses, found.k, 300)
    wanted /= np.sqrt((wanted**2).sum(0))
    assert found.rank < min(10, frames + 1)
    np.testing.assert_allclose(found.frames @ found.curves, wanted, atol=2 * dose.EXACT)
    np.testing.assert_allclose(((found.frames @ found.curves) ** 2).sum(0), 1, rtol=1e-3)  # the noise keeps its power
