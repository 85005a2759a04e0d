"""Which terms are kept."""

import numpy as np

from spa.optics.fit import Term, fitted

R = np.linspace(0.01, 0.3, 400)


class Bowl:
    """The profile of a phase that was measured at each coefficient, with its noise."""

    def __init__(self, measured: np.ndarray, sigma: float) -> None:
        self.measured, self.sigma = measured, sigma

    def value(self, phase: np.ndarray) -> np.ndarray:
        return -0.5 * ((phase - self.measured) / self.sigma) ** 2

    def slope(self, phase: np.ndarray) -> np.ndarray:
        return (self.measured - phase) / self.sigma**2

    def curvature(self, phase: np.ndarray) -> np.ndarray:
        return np.full_like(phase, 1 / self.sigma**2)


def terms() -> list[Term]:
    return [Term("low", R[None] ** 2), Term("high", R[None] ** 4, ("low",)), Term("none", np.cos(60 * R)[None])]


def test_a_term_that_is_there_is_kept_with_what_it_needs_and_its_value_is_right() -> None:
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(R))
    low, high, none = fitted(Bowl(100 * R**4 + noise, 0.02), terms(), R, 1e-4)
    assert high.kept and low.kept and not none.kept
    assert abs(high.values[0] - 100) < 3 * high.errors[0]
    assert none.values[0] == 0 and none.chance > 1e-4


def test_in_noise_nothing_is_kept() -> None:
    noise = 0.02 * np.random.default_rng(1).standard_normal(len(R))
    assert not any(one.kept for one in fitted(Bowl(noise, 0.02), terms(), R, 1e-4))


def test_what_chance_says_has_the_distribution_that_it_should() -> None:
    rng = np.random.default_rng(2)
    bowls = [Bowl(0.02 * rng.standard_normal(len(R)), 0.02) for _ in range(100)]
    chances = [fitted(one, terms()[2:], R, 1e-9)[0].chance for one in bowls]
    assert 0.4 < np.mean(chances) < 0.6
