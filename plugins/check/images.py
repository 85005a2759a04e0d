"""A sample of the images: are they there, of one size, normalised, white on dark?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import DataError, SpaError
from spa.io import mrc
from spa.io.stacks import ImageSource, parse_name
from spa.io.star import Tables
from spa_plugins.check.findings import Findings

MEAN, DEVIATION = 0.15, 0.15  # of normalised backgrounds: off by more is said
SURE = 5.0  # standard errors


@dataclass(frozen=True, eq=False)
class Seen:
    """Images (m, box, box) of rows (m,), and their pixel size (angstroms; 0: not known)."""

    rows: np.ndarray
    pixels: np.ndarray
    pixel_size: float


def look(tables: Tables, sample: int, diameter: float | None, found: Findings) -> Seen | None:
    """Of the stacks' headers, and of some images; None where none could be read."""
    table = tables["particles"]
    if "rlnImageName" not in table:
        found.note("images", f"{table.where}: no images yet")
        return None
    parsed = [parse_name(str(name)) for name in table.text("rlnImageName")]
    good = _headers(tables, parsed, found)
    rows = np.flatnonzero(good)
    if not rows.size or not sample:
        return None
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(sample, len(rows))).astype(int))]
    kept, pixels = [], []
    for row in rows:
        try:
            image = ImageSource([str(table.text("rlnImageName")[row])]).read([0])[0]
        except SpaError as error:
            found.error("images", f"{table.where} row {row + 1}: {error}")
            continue
        if image.min() == image.max():
            found.error(
                "images", f"{table.where} row {row + 1}: the image has no contrast: all its pixels are {image[0, 0]:g}"
            )
            continue
        kept.append(row)
        pixels.append(image)
    if not kept or len({image.shape for image in pixels}) > 1:
        return None
    seen = Seen(np.array(kept), np.stack(pixels), _pixel_size(tables))
    _background(seen, diameter, table.where, found)
    return seen


def _pixel_size(tables: Tables) -> float:
    try:
        return float(tables["optics"].floats("rlnImagePixelSize")[0])
    except DataError:
        return 0.0


def _of_rows(tables: Tables, column: str) -> np.ndarray:
    """(n,) what data_optics says of each particle's group (of the only one, where rows name none); 0: nothing."""
    table = tables["particles"]
    try:
        optics = tables["optics"]
        by_group = dict(zip(optics.ints("rlnOpticsGroup").tolist(), optics.floats(column).tolist()))
        if "rlnOpticsGroup" not in table:
            return np.full(len(table), next(iter(by_group.values())) if len(by_group) == 1 else 0.0)
        return np.array([by_group.get(group, 0.0) for group in table.ints("rlnOpticsGroup").tolist()])
    except DataError:
        return np.zeros(len(table))


def _headers(tables: Tables, parsed: list[tuple[int, str]], found: Findings) -> np.ndarray:
    """Which rows' stacks can be read and hold the image; sizes are compared with the optics table."""
    paths = np.array([path for _, path in parsed], object)
    index = np.array([number for number, _ in parsed])
    good = np.zeros(len(parsed), bool)
    boxes: dict[int, str] = {}
    sizes = _of_rows(tables, "rlnImagePixelSize")
    where = tables["particles"].where
    for path in dict.fromkeys(paths.tolist()):
        here = paths == path
        try:
            header = mrc.read_header(path)
        except SpaError as error:
            found.error(
                "files",
                f"{error} ({np.count_nonzero(here)} rows)"
                if Path(path).exists()
                else f"{where} row {np.flatnonzero(here)[0] + 1}: {path} is not there ({np.count_nonzero(here)} rows)",
            )
            continue
        beyond = np.flatnonzero(here & ((index < 0) | (index >= header.shape[0])))
        if beyond.size:
            found.error(
                "files",
                f"{where} row {beyond[0] + 1}: image {index[beyond[0]] + 1} of {path}, which has {header.shape[0]}",
            )
        good |= here & (index >= 0) & (index < header.shape[0])
        boxes.setdefault(header.shape[2], path)
        said, pixel = header.pixel_size, sizes[here][0]
        if pixel > 0 and said > 0 and abs(said - 1) > 1e-3 and abs(said / pixel - 1) > 0.01:
            found.warning("pixel size", f"{path}: {said:g} A a pixel, the optics table has {pixel:g}")
    _boxes(tables, boxes, found)
    used = np.unique(sizes[sizes > 0])
    if used.size and used[-1] > used[0] * (1 + 1e-4):
        found.warning("pixel size", f"{where}: images of {used[0]:g} to {used[-1]:g} A a pixel; refinements want one "
                                    "(`spa extract particles --pixel-size`; of stacks "
                                    "without micrographs, `spa import particles --resample`)")  # fmt: skip
    return good


def _boxes(tables: Tables, boxes: dict[int, str], found: Findings) -> None:
    if len(boxes) > 1:
        found.warning("images", "boxes differ: " + ", ".join(f"{box} pixels ({path})" for box, path in boxes.items()))
    if "optics" in tables and "rlnImageSize" in tables["optics"]:
        said = set(tables["optics"].ints("rlnImageSize").tolist())
        for box, path in boxes.items():
            if box not in said:
                found.error(
                    "images", f"{path}: a box of {box} pixels, the optics table has {', '.join(map(str, sorted(said)))}"
                )


def _background(seen: Seen, diameter: float | None, where: str, found: Findings) -> None:
    box = seen.pixels.shape[1]
    y, x = np.ogrid[-(box // 2) : box - box // 2, -(box // 2) : box - box // 2]
    wide = diameter / seen.pixel_size if diameter and seen.pixel_size else 0.75 * box
    outside = np.hypot(x, y) > wide / 2
    if np.count_nonzero(outside) < 16:
        found.warning("images", f"{where}: a circle of {wide:.0f} pixels leaves no background in a box of {box}")
        return
    noise = seen.pixels[:, outside]
    mean, deviation = float(np.median(noise.mean(1))), float(np.median(noise.std(1)))
    if abs(mean) > MEAN * deviation or abs(deviation - 1) > DEVIATION:
        found.note("normalisation", f"{where}: backgrounds have mean {mean:.3g}, deviation {deviation:.3g}, not 0, 1 "
                                    "(`spa import particles --normalise`)")  # fmt: skip
    spread = float(noise.std(1).std() / max(deviation, 1e-30))
    if spread > 0.2:
        found.warning("normalisation", f"{where}: backgrounds differ: their deviations spread by {spread:.0%}")
    inside = np.hypot(x, y) < 0.5 * wide / 2
    signal = seen.pixels[:, inside].mean(1) - noise.mean(1)
    error = signal.std() / np.sqrt(len(signal))
    if len(signal) > 4 and signal.mean() < -SURE * error:
        found.error("contrast", f"{where}: particles are darker than ice ({signal.mean() / deviation:.2f} of its "
                                "deviation), not white (`spa import particles --normalise --invert`)")  # fmt: skip
    elif len(signal) > 4 and signal.mean() < SURE * error:
        found.note("contrast", f"{where}: whether particles are white or dark cannot be told from {len(signal)} images")
