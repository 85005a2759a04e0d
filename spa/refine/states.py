"""What an iteration leaves, in memory and on disk: enough to go on from, to the same bytes."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.refine.classes import best_class
from spa.refine.expectation import Poses
from spa.volume.fsc import crossing


@dataclass(frozen=True, eq=False)
class State:
    """After an iteration, of c classes (references).

    maps (c, 2, box, box, box): the regularised half maps without their solvent; curves (c, shells): FSC of the half
    maps in the solvent mask; radius: the band (shells); noise (groups, shells), and background: that around the
    particles, with which it began; poses: the modes in each class; shares (n, c): of each image's posterior; searched
    (n,): which images have poses; settled (n,): which kept a clear one in their last search; evidence (n,): for the
    particle in each, over nothing (nats), in its last search; wide, local: the kind of the next search; best_shell: the
    best 0.143 crossing yet and stalled: passes over all images since; moved: median turn (radians) of the images
    searched again; least: the smallest of these yet; wandering: the share that moved more than two grid steps, of
    images that show the particle, and foretold: the share that would by their own posteriors; sharpness: mean share of
    the best mode, and clarity: that of images that show the particle, in the last search that went beyond their own
    modes, if there was one; halves, joint: unfiltered half maps (c, 2, ...) and their regularised sums (c, ...), once
    done; explained: of the images' power over the background, what the maps have of it, and threshold: the evidence
    above which an image shows the particle, once done; scales (2, groups): grey scales of the groups of each half's
    images, where there are groups;
    whole (n,): by how many standard deviations each is likelier than one that shows all of its map, once done;
    likelier (n,): by how much (nats) each image's evidence grew in its last search, NaN before its second;
    begun: images of each half that earlier iterations have taken, those taken again counted again; turns: whether the
    next iteration takes some of them only; passes: iterations yet, each counted by the share of all images it took;
    sharpest: the sharpness when it last rose clearly, after `rose` passes; agreed: the most
    information (nats) that half maps yet shared in the shells of the start.
    """

    iteration: int
    maps: np.ndarray
    curves: np.ndarray
    radius: int
    noise: np.ndarray
    poses: list[Poses]
    shares: np.ndarray
    searched: np.ndarray
    settled: np.ndarray
    evidence: np.ndarray
    background: np.ndarray
    wide: bool = False
    local: bool = False
    best_shell: int = 0
    stalled: float = 0
    moved: float = np.pi
    least: float = np.pi
    wandering: float = 1.0
    foretold: float = 0.0
    sharpness: float = 0.0
    clarity: float = 0.0
    done: bool = False
    begun: int = 0
    turns: bool = False
    passes: float = 0.0
    sharpest: float = 0.0
    rose: float = 0.0
    agreed: float = 0.0
    explained: float = 0.0
    threshold: float = 0.0
    halves: np.ndarray | None = None
    joint: np.ndarray | None = None
    scales: np.ndarray | None = None
    likelier: np.ndarray | None = None
    whole: np.ndarray | None = None

    @property
    def curve(self) -> np.ndarray:
        """The FSC of the class that reaches farthest."""
        return self.curves[int(np.argmax([crossing(one, 0.143) for one in self.curves]))]

    def best(self) -> tuple[Poses, np.ndarray]:
        """For each image the modes of its best class, their weights within it, and the class (n,)."""
        return best_class(self.poses, self.shares)


_ARRAYS = ("maps", "curves", "noise", "shares", "searched", "settled", "evidence", "background")
_LAST = ("halves", "joint", "scales", "likelier", "whole")  # where they are
_PLAIN = [f.name for f in fields(State) if f.name not in {*_ARRAYS, *_LAST, "poses"}]


def save(path: Path, state: State) -> None:
    """Write a state (.npz) to a path; the caller makes it whole."""
    held: dict[str, Any] = {name: getattr(state, name) for name in (*_ARRAYS, *_PLAIN)}
    held |= {name: getattr(state, name) for name in _LAST if getattr(state, name) is not None}
    for number, poses in enumerate(state.poses):
        held |= {f"poses_{number}_{f.name}": getattr(poses, f.name) for f in fields(Poses)}
    with open(path, "wb") as stream:
        np.savez(stream, **held)


def load(path: Path, start: State) -> State:
    """A saved state of the problem that begins with start; DataError where it is of other particles."""
    with open(path, "rb") as file, np.load(file) as held:
        values: dict[str, Any] = {name: held[name] for name in _ARRAYS}
        values |= {name: held[name].item() for name in _PLAIN}
        values |= {name: held.get(name) for name in _LAST}
        values["poses"] = [
            Poses(**{f.name: held[f"poses_{number}_{f.name}"] for f in fields(Poses)})
            for number in range(len(values["maps"]))
        ]
    if len(values["searched"]) != len(start.searched) or values["maps"].shape != start.maps.shape:
        raise DataError(f"{path}: it is of other particles")
    return replace(start, **values)
