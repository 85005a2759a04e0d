"""The terms that a group's aberrations are made of, and their names, units and places in RELION's columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from spa.image.aberrations import COMA
from spa.image.ctf import wavelength
from spa.image.zernike import EVEN, ODD, term
from spa.optics.fit import Fitted, Term

Basis = Callable[["Optics", np.ndarray, np.ndarray], np.ndarray]
LEAST_CS = 0.01  # mm: below it coma is no beam tilt, for the tilt would be absurd


@dataclass(frozen=True)
class Optics:
    """Of a group: kV, mm."""

    voltage: float
    cs: float

    @property
    def wave(self) -> float:
        return float(wavelength(self.voltage))

    @property
    def tilt_scale(self) -> float:
        """Radians of coma a milliradian and q^3."""
        return -2e4 * np.pi * self.cs * self.wave**2


def _zernike(kind: str, *indices: int) -> Basis:
    sign = 1 if kind == ODD else -1  # even ones are taken off chi
    return lambda optics, x, y: sign * np.stack([term(kind, one, x, y) for one in indices])


def _coma(optics: Optics, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x * x + y * y) * np.stack([x, y])


@dataclass(frozen=True)
class Kind:
    """A term of the fit: what it is called, its functions, what its values are and in which unit.

    places: of its values in RELION's vector of Zernike coefficients, where they go there.
    """

    name: str
    parity: str
    basis: Basis
    values: tuple[str, ...]
    unit: str
    places: tuple[int, ...] = ()


def _kind(name: str, parity: str, *places: int) -> Kind:
    """A term that is Zernike polynomials as they are."""
    return Kind(name, parity, _zernike(parity, *places), tuple(map(str, places)), "rad", places)


SHIFT, TILT, DEFOCUS, ASTIGMATISM, CS = "shift", "beam-tilt", "defocus", "astigmatism", "cs"
KINDS = (
    Kind(SHIFT, ODD, lambda o, x, y: -2 * np.pi * np.stack([x, y]), ("x", "y"), "A"),
    Kind(TILT, ODD, _coma, ("x", "y"), "mrad"),
    _kind("trefoil", ODD, 2, 5),
    _kind("fifth-order", ODD, *range(6, 12)),
    _kind("amplitude-contrast", EVEN, 0),
    Kind(DEFOCUS, EVEN, lambda o, x, y: np.pi * o.wave * (x * x + y * y)[None], ("",), "A"),
    Kind(ASTIGMATISM, EVEN, lambda o, x, y: np.pi * o.wave * np.stack([x * x - y * y, 2 * x * y]), ("0", "45"), "A"),
    Kind(CS, EVEN, lambda o, x, y: -np.pi / 2 * 1e7 * o.wave**3 * ((x * x + y * y) ** 2)[None], ("",), "mm"),
    _kind("secondary-astigmatism", EVEN, 5, 7),
    _kind("tetrafoil", EVEN, 4, 8),
)
NEEDS = {TILT: (SHIFT,), "fifth-order": (SHIFT, TILT), CS: (DEFOCUS,), "secondary-astigmatism": (ASTIGMATISM,)}
BY_NAME = {kind.name: kind for kind in KINDS}
NAMES = tuple(BY_NAME)


def terms(names: Sequence[str], parity: str, optics: Optics, x: np.ndarray, y: np.ndarray) -> list[Term]:
    """Those named of a parity, at frequencies x, y (K,) in 1/angstrom."""
    found = [kind for kind in KINDS if kind.parity == parity and kind.name in names]
    return [Term(kind.name, kind.basis(optics, x, y), NEEDS.get(kind.name, ())) for kind in found]


def shown(optics: Optics, name: str, values: np.ndarray) -> np.ndarray:
    """A term's values in their units: coma as milliradians of tilt."""
    if name == TILT and abs(optics.cs) >= LEAST_CS:
        return values / optics.tilt_scale
    return values


@dataclass(frozen=True, eq=False)
class Change:
    """What a group's columns change by: beam tilt (2,) mrad, odd and even coefficients (radians), origins (2,) and
    defocus in angstroms, astigmatism (2,) angstroms along 0 and 45 degrees."""

    tilt: np.ndarray
    odd: np.ndarray
    even: np.ndarray
    origin: np.ndarray
    defocus: float
    astigmatism: np.ndarray


def change(optics: Optics, found: Sequence[Fitted]) -> Change:
    """The columns' change that the kept terms make."""
    odd, even, tilt, moved = np.zeros(12), np.zeros(9), np.zeros(2), np.zeros(2)
    defocus, astigmatism = 0.0, np.zeros(2)
    for one in found:
        name, values = one.term.name, one.values
        if name == SHIFT:
            moved = moved + values
        elif name == TILT and abs(optics.cs) >= LEAST_CS:
            tilt = values / optics.tilt_scale
        elif name == TILT:  # r^3 = (Z3 + 2 Z1) / 3
            for (low, high), value in zip(COMA, values[::-1]):
                odd[low] += 2 / 3 * value
                odd[high] += value / 3
        elif name == DEFOCUS:
            defocus = float(values[0])
        elif name == ASTIGMATISM:
            astigmatism = values
        elif name == CS:
            even += cs_terms(optics, float(values[0]))
        else:
            kind = BY_NAME[name]
            (odd if kind.parity == ODD else even)[list(kind.places)] += values
    return Change(tilt, odd, even, -moved, defocus, astigmatism)


def cs_phase(optics: Optics, fourth: np.ndarray) -> np.ndarray:
    """What the nominal Cs adds to chi for fourth powers of the frequency."""
    return -np.pi / 2 * 1e7 * optics.wave**3 * optics.cs * fourth


def cs_terms(optics: Optics, more: float) -> np.ndarray:
    """Even coefficients (9,) of more Cs (mm): r^4 = Z(4, 0) / 6 + Z(2, 0) / 2 + 1 / 3."""
    size = np.pi / 2 * 1e7 * optics.wave**3 * more
    found = np.zeros(9)
    found[[0, 2, 6]] = size / 3, size / 2, size / 6
    return found
