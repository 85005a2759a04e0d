"""The prior's parameters from the movies: tracks found on coarse detail are judged by how fine detail agrees at them.

Source: Zivanov, Nakane & Scheres, IUCrJ 6 (2019) 5 (cross-validation); the search goes parameter by parameter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from spa.polish.correlate import Scores
from spa.polish.tracks import Film, Prior, followed

BOUNDS = {"velocity": (0.01, 10.0), "length": (50.0, 50000.0), "acceleration": (0.01, 20.0),
          "place": (0.02, 10.0)}
SLOWINGS = (0.0, 0.5, 1.0)
FACTORS = (4.0, 2.0, 1.5)  # by which parameters are changed, sweep by sweep


@dataclass(frozen=True, eq=False)
class Pair:
    """A movie's log-likelihoods from coarse detail, from which tracks are found, and from fine, which judges them."""

    coarse: Scores
    fine: Scores
    film: Film


def trained(pairs: list[Pair], start: Prior, run: Callable[..., Iterable] = map) -> tuple[Prior, float, float]:
    """The prior whose tracks agree best, and the judgement of the start and of it; movies go to `run`, a pool's map."""

    def judged(prior: Prior) -> float:
        return sum(run(lambda pair: pair.fine(followed(pair.coarse, pair.film, prior))[0], pairs))

    best, first = start, judged(start)
    height = first
    for slowing in SLOWINGS:
        if slowing != start.slowing:
            tried = replace(start, slowing=slowing)
            now = judged(tried)
            if now > height:
                best, height = tried, now
    for factor in FACTORS:
        for name, (low, high) in BOUNDS.items():
            for way in (factor, 1 / factor):
                gained = False
                while low < getattr(best, name) * way < high:
                    tried = replace(best, **{name: getattr(best, name) * way})
                    now = judged(tried)
                    if now <= height:
                        break
                    best, height, gained = tried, now, True
                if gained:
                    break
    return best, first, height
