"""A trained picker: one file with the weights and all that must be known to use them, and its picks of a micrograph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import arrays
from spa.job.micrographs import Micrograph
from spa.job.run import Run
from spa.picking import alone, network
from spa.picking.working import ACROSS, CLIP, HAZE, Working, working
from spa.recipe.device import device_of

VERSION = 1
GENERAL = Path(__file__).with_name("general.npz")
_FACTS = {"version": VERSION, "across": ACROSS, "haze": HAZE, "clip": CLIP}


@dataclass(frozen=True, eq=False)
class Picker:
    """weights as `spa.picking.network.shapes` has them; diameter (angstroms), or 0 where any will do.

    threshold: log-odds from which a place is a pick; white: protein is bright in the micrographs.
    """

    weights: Mapping[str, np.ndarray]
    diameter: float = 0.0
    threshold: float = 0.0
    white: bool = False


def read(path: str | Path | None) -> Picker:
    """A picker from its file, or the general one. DataError for a file that is something else."""
    found = arrays.read(path or GENERAL)
    facts = {name: _number(found, name, path) for name in (*_FACTS, "diameter", "threshold", "white")}
    for name, wanted in _FACTS.items():
        if facts[name] != wanted:
            raise DataError(f"{path}: a picker of {name} {facts[name]:g}; this program needs {wanted:g}: train it anew")
    weights = {}
    for name, shape in network.shapes().items():
        if name not in found or found[name].shape != shape or not np.isfinite(found[name]).all():
            raise DataError(f"{path}: {name} of this picker is not {' x '.join(map(str, shape))} finite numbers")
        weights[name] = np.asarray(found[name], np.float32)
    return Picker(weights, facts["diameter"], facts["threshold"], bool(facts["white"]))


def _number(found: Mapping[str, np.ndarray], name: str, path: str | Path | None) -> float:
    value = found.get(name, np.empty(0))
    if value.shape != () or value.dtype.kind not in "fiu" or not np.isfinite(value):
        raise DataError(f"{path}: no picker of `spa train neural`: it does not say its {name}")
    return float(value)


def write(picker: Picker, path: str | Path) -> None:
    """The picker as one file of plain arrays; weights are kept to half precision."""
    facts = {**_FACTS, "diameter": picker.diameter, "threshold": picker.threshold, "white": float(picker.white)}
    weights = {name: np.asarray(one, np.float16) for name, one in picker.weights.items()}
    arrays.write(path, {**{name: np.array(value, np.float64) for name, value in facts.items()}, **weights})


def prepared(micrograph: Micrograph, diameter: float, white: bool) -> Working:
    """The working image of a micrograph; errors carry its name."""
    try:
        return working(micrograph.data, micrograph.pixel_size, diameter, white)
    except DataError as error:
        raise DataError(f"{micrograph.name}: {error}") from None


def picked(
    image: Working, picker: Picker, threshold: float, spacing: float, turns: int, most: int | None = None,
    log_odds: Callable[..., np.ndarray] = network.log_odds,
) -> np.ndarray:  # fmt: skip
    """x, y (pixels of the micrograph) and log-odds (n, 3), best first; spacing in diameters; turns: see `log_odds`."""
    return image.found(log_odds(image.image, picker.weights, turns), threshold, spacing, most)


def emptied(pick: Callable[[Working], np.ndarray], least: float) -> Callable[[Working], np.ndarray]:
    """The same picks (n, 3), but none in images that have no more of them than noise has (`spa.picking.alone`); what
    it has is measured when the first image is in doubt. least: the threshold of the picks."""
    held: list[alone.Alone] = []

    def found(image: Working) -> np.ndarray:
        picks = pick(image)
        if not len(picks) or alone.certain(picks[:, 2], least, image):
            return picks
        if not held:
            held.append(alone.measured(lambda piece: pick(piece)[:, 2], least))
        return picks if held[0].outnumbered(picks[:, 2], alone.area(image)) else picks[:0]

    return found


def answering(run: Run) -> Callable[..., np.ndarray]:
    """Who answers for the network: this processor, or what --device names."""
    device = device_of(run)
    if device is None:
        return network.log_odds
    from spa.picking import network_cuda

    return partial(network_cuda.log_odds, device)
