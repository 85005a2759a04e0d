"""One pass over the particles, and what the sums of each optics group say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spa.errors import DataError, ReadError, SpaError
from spa.image.disc import Disc
from spa.image.zernike import EVEN, ODD
from spa.io import arrays
from spa.job import memory, pool
from spa.job.run import Run
from spa.model.numbers import sensible
from spa.optics import profiles, stretch
from spa.optics.compared import Scene, Who
from spa.optics.fit import Fitted, fitted, total
from spa.optics.profiles import Weighted, agreeing, weighted
from spa.optics.stretch import Stretch
from spa.optics.sums import NAMES, Sums, demodulated, no_sums, sums
from spa.optics.terms import SHIFT, Optics, cs_phase, terms
from spa.recipe.optics import Given, blocks, require_signal, scene_of, who_of

CHUNK = 256  # rows of the table that are worked on together
EVERY = 40  # chunks, after which the sums are kept on disk
STATE = "state.npz"
LEAST = 50  # images that a group needs
FITTED = "spaDefocusError"  # of optics defocus
MAGNIFICATION = "magnification"
ANTISYMMETRIC = ("beam-tilt", "trefoil", "fifth-order")  # with a shift beside them, which poses may have taken


@dataclass(frozen=True, eq=False)
class Group:
    """What was found in one optics group; number: its place among the groups in use.

    raw, plain: its sums as they came, and without the antisymmetric aberrations that were found.
    """

    number: int
    optics: Optics
    sums: Sums
    raw: Weighted
    plain: Weighted
    odd: list[Fitted]
    even: list[Fitted]
    stretch: Stretch | None

    @property
    def fits(self) -> list[Fitted]:
        return self.odd + self.even


@dataclass(frozen=True, eq=False)
class Measured:
    """groups: those with enough images; others keep what they have."""

    scene: Scene
    groups: list[Group]
    rows: np.ndarray


def measured(run: Run, given: Given, names: Sequence[str], significance: float) -> Measured:
    """What each optics group's images differ by from the map, and what of it is significant."""
    here = scene_of(run, given)
    who = who_of(given.stack)
    if given.halves:
        who = replace(who, half=1 - who.half)
    memory.require((3 + len(given.stack.aberrations)) * 8 * len(NAMES) * len(here.band), "the groups' sums")
    found, rows = _summed(run, given, here, who)
    _require_signal(given, here.band, sum(found, no_sums(here.band)))
    enough = [number for number, one in enumerate(found) if one.count >= LEAST]
    if not enough:
        raise DataError(f"{given.stack.tables['particles'].where}: no optics group has {LEAST} images or more; "
                        "spa optics groups merges them")  # fmt: skip
    if len(enough) < len(found):
        run.warn(f"{len(found) - len(enough)} optics groups have fewer than {LEAST} images and stay as they are")
    seen = [_Seen(found[number], here.band, given.first, _optics(given, number), here.frequencies(number), names,
                  significance, _part(given, here, number)) for number in enough]  # fmt: skip
    stretches: list[Stretch | None] = [None] * len(enough)
    if MAGNIFICATION in names:
        width = here.band.box * here.pixel_size
        forms = [stretch.stretched(one.without(one.odd(np.eye(2))), one.plane * width) for one in seen]
        stretches = list(stretch.fitted(forms, significance))
    groups = []
    for number, one, form in zip(enough, seen, stretches):
        matrix = np.eye(2) if form is None else form.matrix
        odd = one.odd(matrix)
        groups.append(Group(number, one.optics, found[number], one.without(), one.without(odd), odd,
                            one.even(matrix, one.without(odd)), form)  # fmt: skip
        )
    return Measured(here, groups, rows)


def _require_signal(given: Given, band: Disc, all_: Sums) -> None:
    cross, norm, power, counts = (
        np.bincount(band.shell, one, band.radius + 1)
        for one in (all_["sine"], all_["ss"], all_["power"], np.full(len(band), float(all_.count)))
    )
    require_signal(given, cross, norm, power / np.maximum(counts, 1))


@dataclass(frozen=True, eq=False)
class _Seen:
    """A group's sums, lens, frequencies (2, K), and what is looked for; part: what of the agreement counts."""

    sums: Sums
    band: Disc
    first: int
    optics: Optics
    plane: np.ndarray
    names: Sequence[str]
    significance: float
    part: np.ndarray | None = None

    def without(self, odd: Sequence[Fitted] = ()) -> Weighted:
        """The sums of images without these antisymmetric aberrations, weighted."""
        return weighted(demodulated(self.sums, total(odd)), self.band, self.first, self.part)

    def odd(self, matrix: np.ndarray) -> list[Fitted]:
        """Antisymmetric terms, where the optics saw what lies at a frequency at the matrix times that."""
        names = self.names
        wanted = [SHIFT, *names] if any(name in names for name in ANTISYMMETRIC) else names
        found = terms(wanted, ODD, self.optics, *(matrix @ self.plane))
        return fitted(profiles.Odd(self.without()), found, self._radius, self.significance)

    def even(self, matrix: np.ndarray, given: Weighted) -> list[Fitted]:
        """Symmetric terms; the nominal Cs is another there too."""
        x, y = matrix @ self.plane
        known = cs_phase(self.optics, (x * x + y * y) ** 2 - self._radius**4)
        found = terms(self.names, EVEN, self.optics, x, y)
        return fitted(profiles.Beyond(profiles.Even(given), known), found, self._radius, self.significance)

    @property
    def _radius(self) -> np.ndarray:
        return np.hypot(*self.plane)


def _part(given: Given, here: Scene, number: int) -> np.ndarray | None:
    """What of the agreement counts in a group where `optics defocus` has fitted each particle's defocus."""
    table = given.stack.tables["particles"]
    if FITTED not in table:
        return None
    error = float(np.sqrt((sensible(table, FITTED)[given.stack.group == number] ** 2).mean()))
    return agreeing(here.band, here.band.box * here.pixel_size, _optics(given, number).wave, error)


def _optics(given: Given, number: int) -> Optics:
    row = int(np.flatnonzero(given.stack.group == number)[0])
    return Optics(float(given.stack.voltage[row]), float(given.stack.cs[row]))


def _summed(run: Run, given: Given, here: Scene, who: Who) -> tuple[list[Sums], np.ndarray]:
    """The sums of each group, and the rows that went into them; kept in DIR on the way."""
    stack = given.stack
    total = [no_sums(here.band) for _ in stack.aberrations]
    done, used = _resumed(run, total)
    starts = range(0, len(stack), CHUNK)

    def work(start: int) -> tuple[dict[int, Sums], list[int], list[SpaError]]:
        return _chunk(given, here, who, np.arange(start, min(start + CHUNK, len(stack))))

    rest = pool.ordered(starts[done:], work, run.threads, run.checkpoint)
    for number, (_, result) in enumerate(run.progress(rest, len(starts) - done, "chunk"), start=done + 1):
        part, rows, errors = result()
        for error in errors:
            run.leave_out(error)
        for group, one in part.items():
            total[group] = total[group] + one
        used += rows
        if number % EVERY == 0:
            _keep(run, number, total, used)
    if not used:
        raise DataError(f"{stack.tables['particles'].where}: none of its {len(stack)} images can be used")
    _keep(run, len(starts), total, used)
    return total, np.array(used, np.int64)


def _chunk(given: Given, here: Scene, who: Who, rows: np.ndarray) -> tuple[dict[int, Sums], list[int], list[SpaError]]:
    found: dict[int, Sums] = {}
    used: list[int] = []
    errors: list[SpaError] = []
    for good, pixels in blocks(given.stack, rows, errors):
        used += good.tolist()
        for number in np.unique(who.group[good]).tolist():
            mine = who.group[good] == number
            part = sums(here, who.take(good[mine]), pixels[mine])
            found[number] = found[number] + part if number in found else part
    return found, used, errors


def _keep(run: Run, done: int, total: list[Sums], used: list[int]) -> None:
    assert run.outdir is not None
    values, counts = np.stack([one.values for one in total]), np.array([one.count for one in total])
    kept = {"done": np.array(done), "values": values, "counts": counts, "used": np.array(used)}
    arrays.write(run.outdir / STATE, kept)


def _resumed(run: Run, total: list[Sums]) -> tuple[int, list[int]]:
    """How many chunks are done, with their sums put into total, and the rows that were used."""
    assert run.outdir is not None
    path = run.outdir / STATE
    if not run.resume or not path.exists():
        return 0, []
    try:
        kept = arrays.read(path)
        found = [Sums(values, int(count)) for values, count in zip(kept["values"], kept["counts"], strict=True)]
        done, used = int(kept["done"]), kept["used"].tolist()
    except (DataError, *arrays.DAMAGED):
        raise ReadError(f"{path}: cannot be read: it is not a whole state of this program") from None
    total[: len(found)] = found
    return done, used
