"""Optics groups: what the microscope and the camera fix for many images."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from spa.errors import DataError


class TableLike(Protocol):
    """What the model needs of a table (``spa.io.star.Table`` has it)."""

    where: str

    @property
    def columns(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def __contains__(self, name: str) -> bool: ...
    def text(self, name: str) -> np.ndarray: ...
    def floats(self, name: str) -> np.ndarray: ...
    def ints(self, name: str) -> np.ndarray: ...


class TablesLike(Protocol):
    """What the model needs of a document (``spa.io.star.Tables`` has it)."""

    @property
    def source(self) -> str: ...
    def __getitem__(self, block: str) -> TableLike: ...
    def __contains__(self, block: str) -> bool: ...


@dataclass(frozen=True)
class Optics:
    """One group: kV, mm, fraction of amplitude contrast, angstroms a pixel of the images, box in pixels.

    pixel_size: of the images (particles) or, in a table of micrographs, of the micrographs.
    """

    group: int
    name: str
    voltage: float
    cs: float
    contrast: float
    pixel_size: float
    image_size: int | None = None
    beam_tilt: tuple[float, float] = (0.0, 0.0)  # milliradians
    odd: tuple[float, ...] = ()  # Zernike coefficients, radians
    even: tuple[float, ...] = ()
    magnification: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)


_NEEDED = ("rlnOpticsGroup", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast")
MAGNIFICATION = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")
_MOST = 1e9  # radians of a Zernike coefficient: more is a mistake
_PIXEL_SIZES = ("rlnImagePixelSize", "rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize")


def optics_groups(tables: TablesLike, micrographs: bool = False) -> dict[int, Optics]:
    """The groups of ``data_optics`` by number; DataError naming what is missing or makes no sense.

    micrographs: the pixel size is that of the micrographs, where images have another.
    """
    table = tables["optics"]
    for name in _NEEDED:
        if name not in table:
            raise DataError(f"{table.where} has no column {name} (it has {', '.join(table.columns)})")
    order = (*_PIXEL_SIZES[1:], _PIXEL_SIZES[0]) if micrographs else _PIXEL_SIZES
    size_name = next((name for name in order if name in table), None)
    if size_name is None:
        raise DataError(f"{table.where} has no pixel size: none of {', '.join(_PIXEL_SIZES)}")
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    groups = [_group(table, row, size_name) for row in range(len(table))]
    return _by_number(table.where, groups)


def one_pixel_size(groups: dict[int, Optics], where: str) -> float:
    """The pixel size (angstroms) of all groups; DataError where they differ by more than 1 in 10 000."""
    sizes = [(group.pixel_size, group.name) for group in groups.values()]
    low, high = min(sizes), max(sizes)
    if high[0] > low[0] * (1 + 1e-4):
        one = np.ceil(1000 * high[0] - 1e-4) / 1000  # no finer than the coarsest
        raise DataError(
            f"{where}: optics groups of different pixel sizes ({low[1]}: {low[0]:g} A, {high[1]}: {high[0]:g} A); "
            f"this job needs one (`spa import particles --resample {one:g} -d DIR` makes it, or `spa extract "
            f"particles --pixel-size {one:g}`)"
        )
    return low[0]


def require_groups(groups: dict[int, Optics], numbers: np.ndarray, where: str) -> None:
    """DataError naming the row whose optics group is not in ``data_optics``."""
    bad = np.flatnonzero(~np.isin(numbers, list(groups)))
    if bad.size:
        row = int(bad[0])
        raise DataError(
            f"{where} row {row + 1}: optics group {numbers[row]} is not in data_optics "
            f"(it has {', '.join(map(str, sorted(groups)))})"
        )


def _group(table: TableLike, row: int, size_name: str) -> Optics:
    def number(name: str) -> float:
        return float(table.floats(name)[row])

    def optional(name: str) -> float:
        return number(name) if name in table else 0.0

    group = int(table.ints("rlnOpticsGroup")[row])
    found = Optics(
        group=group,
        name=str(table.text("rlnOpticsGroupName")[row]) if "rlnOpticsGroupName" in table else f"opticsGroup{group}",
        voltage=number("rlnVoltage"),
        cs=number("rlnSphericalAberration"),
        contrast=number("rlnAmplitudeContrast"),
        pixel_size=number(size_name),
        image_size=int(table.ints("rlnImageSize")[row]) if "rlnImageSize" in table else None,
        beam_tilt=(optional("rlnBeamTiltX"), optional("rlnBeamTiltY")),
        odd=_vector(table, row, "rlnOddZernike"),
        even=_vector(table, row, "rlnEvenZernike"),
        magnification=_matrix(table, row),
    )
    _require_sense(found, f"{table.where} row {row + 1}", size_name)
    return found


def _vector(table: TableLike, row: int, name: str) -> tuple[float, ...]:
    """RELION's vectors, ``[1,2,3]``; empty where there is no such column."""
    if name not in table:
        return ()
    text = str(table.text(name)[row])
    try:
        if not (text.startswith("[") and text.endswith("]")):
            raise ValueError
        found = tuple(float(part) for part in text[1:-1].split(",") if part.strip())
    except ValueError:
        raise DataError(f"{table.where} row {row + 1}: {name} is {text!r}, not numbers like [0.1,-2,3]") from None
    bad = [value for value in found if not abs(value) < _MOST]
    if bad:
        raise DataError(f"{table.where} row {row + 1}: {name} has {bad[0]:g} in it")
    return found


def _matrix(table: TableLike, row: int) -> tuple[float, float, float, float]:
    """rlnMagMat00 … 11, or 1 where there are none; DataError for one that nearly flattens the image."""
    there = [name for name in MAGNIFICATION if name in table]
    if not there:
        return (1.0, 0.0, 0.0, 1.0)
    if len(there) < 4:
        raise DataError(f"{table.where} has {', '.join(there)} alone, of {', '.join(MAGNIFICATION)}")
    a, b, c, d = (float(table.floats(name)[row]) for name in MAGNIFICATION)
    if not (0.5 < a < 2 and 0.5 < d < 2 and abs(b) < 0.4 and abs(c) < 0.4):
        raise DataError(f"{table.where} row {row + 1}: a magnification of [[{a:g}, {b:g}], [{c:g}, {d:g}]]")
    return a, b, c, d


def _require_sense(optics: Optics, where: str, size_name: str) -> None:
    if not 0 < optics.pixel_size < 100:
        raise DataError(f"{where}: {size_name} is {optics.pixel_size:g} A")
    if not 10 <= optics.voltage <= 3000:
        raise DataError(f"{where}: rlnVoltage is {optics.voltage:g} kV")
    if not 0 <= optics.contrast <= 1:
        raise DataError(f"{where}: rlnAmplitudeContrast is {optics.contrast:g}, not between 0 and 1")
    if not 0 <= optics.cs < 100:
        raise DataError(f"{where}: rlnSphericalAberration is {optics.cs:g} mm")
    for name, tilt in zip(("rlnBeamTiltX", "rlnBeamTiltY"), optics.beam_tilt):
        if not abs(tilt) < 100:
            raise DataError(f"{where}: {name} is {tilt:g} milliradians")


def _by_number(where: str, groups: list[Optics]) -> dict[int, Optics]:
    found: dict[int, Optics] = {}
    for group in groups:
        if group.group in found:
            raise DataError(f"{where}: optics group {group.group} is there twice")
        found[group.group] = group
    return found
