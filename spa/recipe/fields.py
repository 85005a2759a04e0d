"""From the rows of micrographs to the fields that pickers look at, and to some of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from spa.errors import DataError, SpaError
from spa.image.ctf import Lens
from spa.io.star import Tables
from spa.job import junk
from spa.job.micrographs import Entry, Micrograph
from spa.junk.ground import ground
from spa.junk.mask import junk as judged
from spa.junk.specks import specks
from spa.model.numbers import LIMIT, sensible_or_zero
from spa.picking.field import Contrast, Field, Scope, prepared

T = TypeVar("T")


@dataclass(frozen=True)
class Reader:
    """Makes the field of an entry: scope, whether particles are white, whether the CTF is used, phase shifts.

    everywhere: junk is looked at as well, where the table has no mask of it. specks: small dense things are junk, too.
    """

    scope: Scope
    white: bool
    ctf: bool
    phases: dict[str, float]
    everywhere: bool
    specks: bool = False

    @classmethod
    def of(cls, tables: Tables, scope: Scope, white: bool, ctf: bool, everywhere: bool = True) -> "Reader":
        """For the micrographs of a table."""
        shifts = np.deg2rad(sensible_or_zero(tables["micrographs"], "rlnPhaseShift"))
        names = tables["micrographs"].text("rlnMicrographName")
        return cls(scope, white, ctf, dict(zip(names.tolist(), shifts.tolist())), everywhere)

    def __call__(self, entry: Entry) -> Field:
        """A micrograph read and made ready, its junk taken out; errors carry its name."""
        micrograph, contrast = entry.load(), self.contrast(entry)
        if contrast is None and self.ctf and entry.defocus is not None and any(entry.defocus):
            raise DataError(f"{entry.name}: its defocus is {entry.defocus[0]:g}, {entry.defocus[1]:g} A, no number to "
                            "work with (--no-ctf picks without)")  # fmt: skip
        try:
            mask, number = self._junk(micrograph)
            field = prepared(micrograph.data, micrograph.pixel_size, self.scope, contrast, self.white, mask)
        except SpaError as error:
            raise type(error)(f"{entry.name}: {error}") from error
        field.specks = number
        return field

    def _junk(self, micrograph: Micrograph) -> tuple[np.ndarray | None, int]:
        """Where junk is, by the mask that the table has or one made here, binned, None for nowhere; of specks, how
        many it has."""
        given = None
        if micrograph.mask is not None:
            given = junk.read(micrograph.mask, (micrograph.data.shape[0], micrograph.data.shape[1])) != 0
        if self.everywhere or (given is not None and not self.specks):
            return given, 0
        level = ground(micrograph.data, micrograph.pixel_size)
        found = judged(level, self.scope.largest).mask if given is None else _resized(given, level.image.shape)
        if not self.specks:
            return found, 0
        small, number = specks(level, self.scope.smallest, found, self.white)
        return found | small, number

    def contrast(self, entry: Entry) -> Contrast | None:
        """Its CTF, where the table has one that makes sense and it is wanted."""
        if not self.ctf or entry.defocus is None or not any(entry.defocus):
            return None
        if not (np.abs(entry.defocus) <= LIMIT).all():
            return None
        lens = Lens(entry.optics.voltage, entry.optics.cs, entry.optics.contrast)
        return Contrast(lens, *entry.defocus, self.phases[entry.name])


def _resized(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask of a micrograph in other pixels (ny, nx): the nearest of its own."""
    rows, columns = ((np.arange(n) + 0.5) * m // n for n, m in zip(shape, mask.shape))
    return np.asarray(mask[rows.astype(int)[:, None], columns.astype(int)])


def spread(rows: Sequence[T], count: int) -> list[T]:
    """Up to ``count`` of the rows, evenly over the table."""
    chosen = np.linspace(0, len(rows) - 1, count).round().astype(int).tolist()
    return [rows[i] for i in dict.fromkeys(chosen)]  # np.unique would import all of masked arrays
