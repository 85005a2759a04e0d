"""The limits set by hand, on a page with the picks over their micrographs: kept as they are set, and taken up again."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io.star import Tables
from spa.job.micrographs import entries
from spa.job.run import Run
from spa.picking.judge import Limits, automatic
from spa.web.choice import Kept, settle
from spa.web.films import Films
from spa.web.page import BadRequest, Page, Picture, Query, number
from spa.web.server import serve

_NAMES = ("min_score", "min_power", "max_power", "max_level")
Known = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]
_LOWPASS = 20.0  # angstroms, of the view at first


@dataclass(eq=False)
class Sitting:
    """order: the picks by micrograph, counts of each; known: score, power
    and density (picks,) in the table's order, or None."""

    films: Films
    order: np.ndarray
    counts: np.ndarray
    xy: np.ndarray
    known: Known
    diameter: float
    limits: Limits
    file: Kept
    taken_up: bool = False

    @classmethod
    def of(cls, run: Run, tables: Tables, known: Known, limits: Limits) -> "Sitting":
        """From the limits that an earlier sitting set, or those given. DataError for a pick of no micrograph."""
        rows, table = entries(tables), tables["particles"]
        place = {entry.name: i for i, entry in enumerate(rows)}
        names = table.text("rlnMicrographName")
        for row, name in enumerate(names):
            if name not in place:
                raise DataError(f"{table.where} row {row + 1}: {name} is not in data_micrographs")
        where = np.array([place[name] for name in names])
        xy = np.stack([table.floats("rlnCoordinateX"), table.floats("rlnCoordinateY")], axis=1)
        diameter = np.nanmedian(table.get_floats("spaDiameter", 150.0))
        made = cls(Films(rows, diameter=float(diameter)), np.argsort(where, kind="stable"),
                   np.bincount(where, minlength=len(rows)), xy, known, float(diameter), limits,
                   Kept.of(run, where, xy))  # fmt: skip
        earlier = made.file.read(understood)
        if earlier is not None:
            made.limits, made.taken_up = earlier, True
        return made

    def page(self) -> Page:
        """The page of this sitting."""
        self.films.ahead(0, self.view, _LOWPASS)
        pictures = {"film": self.films.view, "picks": self.picks}
        return Page("Inspect picks", "inspect.js", self.facts, pictures, {"save": self.save, "done": self.done})

    @property
    def view(self) -> str:
        """How micrographs are shown at first."""
        return "denoised" if any(one.defocus is not None for one in self.films.entries) else "lowpass"

    def facts(self) -> dict[str, Any]:
        """What the page begins with."""
        return {
            "names": [entry.name for entry in self.films.entries], "counts": self.counts, "diameter": self.diameter,
            **{name: one is not None for name, one in zip(("score", "power", "level"), self.known)},
            "limits": vars(self.limits), "suggested": vars(automatic(*self.known[:2], Limits(), self.known[2])),
            "view": self.view, "lowpass": _LOWPASS,
        }  # fmt: skip

    def picks(self, _: Query) -> Picture:
        """float64, little-endian: x of all picks by micrograph, then y, and score, power and density where known."""
        columns = [*self.xy.T, *(one for one in self.known if one is not None)]
        numbers = np.concatenate([one[self.order] for one in columns]).astype("<f8")
        return Picture(numbers.tobytes(), "application/octet-stream")

    def save(self, given: Any) -> int:
        """The limits as they are now; how many picks they keep."""
        limits = understood(given)
        self.file.write(vars(limits))
        self.limits = limits
        return int(limits.kept(*self.known).sum())

    def done(self, _: Any) -> None:
        """BadRequest where no pick would be left."""
        if not self.limits.kept(*self.known).any():
            raise BadRequest("No pick is within the limits: move one of them.")


def understood(given: Any) -> Limits:
    """Limits out of JSON; BadRequest for anything else."""
    if not isinstance(given, dict) or set(given) - set(_NAMES):
        raise BadRequest(f"not limits named {', '.join(_NAMES)}")
    return Limits(**{name: number(value, name) for name, value in given.items() if value is not None})


def by_hand(run: Run, tables: Tables, known: Known, limits: Limits, port: int, browser: bool) -> Limits:
    """Shows the page until its user is done; the limits, which the run's history has as if given by options."""
    if all(one is None for one in known):
        raise DataError(f"{tables['particles'].where}: neither scores nor local power, by which --web could sort")
    sitting = Sitting.of(run, tables, known, limits)
    if sitting.taken_up:
        run.warn(f"goes on from {sitting.file.path}")
    serve(run, sitting.page(), port, browser)
    found = vars(sitting.limits)
    settle(run, auto=False, **found)
    words = [f"--{name.replace('_', '-')} {value:g}" for name, value in found.items() if value is not None]
    run.note(f"the same without a page: {' '.join(words) or 'no limits'}")
    return sitting.limits
