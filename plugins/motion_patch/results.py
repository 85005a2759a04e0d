"""The files of one movie and its row: sums, RELION's motion STAR, the spectrum."""

from pathlib import Path
from typing import Any

import numpy as np

from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.motion import relion
from spa_plugins.motion_patch.inputs import Entry, Settings
from spa_plugins.motion_patch.movie import Result

_NAMES = {"sum": ("", "rlnMicrographName"), "plain": ("_noDW", "rlnMicrographNameNoDW"),
          "even": ("_EVN", "rlnMicrographNameEven"), "odd": ("_ODD", "rlnMicrographNameOdd")}  # fmt: skip
SHOWN = 512  # pixels of a small picture


def written(
    entry: Entry, result: Result, settings: Settings, stem: Path, gain: str | None, frames: int
) -> dict[str, Any]:
    """Write everything; the columns of the row, and what the summary and a figure need."""
    pixel = entry.optics.pixel_size
    columns: dict[str, Any] = {}
    if result.power is not None:
        columns["rlnCtfPowerSpectrum"] = f"{stem}_PS.mrc"
        mrc.write(columns["rlnCtfPowerSpectrum"], result.power[0], result.power[1])
    for kind, image in result.images.items():
        ending, label = _NAMES[kind]
        columns[label] = f"{stem}{ending}.mrc"
        mrc.write(columns[label], image.astype(settings.dtype, copy=False), pixel * settings.bin)
    model = relion.model_of(result.alignment.field)
    columns["rlnMicrographMetadata"] = f"{stem}.star"
    shape = tuple(map(int, result.hot.shape))
    star.write(_motion(entry, result, settings, model, gain, (frames, *shape)), columns["rlnMicrographMetadata"])
    moved = relion.accumulated(result.alignment.field.whole, pixel, result.doses, settings.early_dose)
    columns.update(zip(("rlnAccumMotionTotal", "rlnAccumMotionEarly", "rlnAccumMotionLate"), map(_short, moved)))
    return {"columns": columns, "local": _short(pixel * _spread(result)), "hot": int(result.hot.sum()),
            "resolution": _short(result.alignment.resolution)}  # fmt: skip


def _short(value: float) -> float:
    return round(float(value), 4)


def _spread(result: Result) -> float:
    """How differently places of the frame move: root mean square over places, in the last frame, pixels."""
    at = np.linspace(-0.8, 0.8, 5)
    points = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    last = result.alignment.field.at(points)[:, -1]
    return float(np.sqrt(((last - last.mean(0)) ** 2).sum(1).mean()))


def _motion(
    entry: Entry, result: Result, settings: Settings, model: relion.Model, gain: str | None, size: tuple[int, ...]
) -> Tables:
    """RELION's document of a movie's motion."""
    frames, ny, nx = size
    camera = entry.camera
    general = {"rlnImageSizeX": nx, "rlnImageSizeY": ny, "rlnImageSizeZ": frames, "rlnMicrographMovieName": entry.name}
    general.update({} if gain is None else {"rlnMicrographGainName": gain})
    general.update({} if camera.defects is None else {"rlnMicrographDefectFile": camera.defects})
    general.update(
        rlnMicrographBinning=settings.bin, rlnMicrographOriginalPixelSize=entry.optics.pixel_size,
        rlnMicrographDoseRate=camera.dose, rlnMicrographPreExposure=camera.before, rlnVoltage=entry.optics.voltage,
        rlnMicrographStartFrame=result.first + 1,
    )  # fmt: skip
    if Path(entry.name).suffix.lower() == ".eer":
        general.update(rlnEERGrouping=camera.fraction, rlnEERUpsampling=camera.upsample)
    general.update(rlnMotionModelVersion=0 if model.coefficients is None else 1)
    numbers = np.arange(len(model.shifts)) + result.first + 1
    blocks = {
        "general": Table.pairs(**general),
        "global_shift": Table.of(
            rlnMicrographFrameNumber=numbers, rlnMicrographShiftX=model.shifts[:, 0].round(5),
            rlnMicrographShiftY=model.shifts[:, 1].round(5),
        ),
    }  # fmt: skip
    if model.coefficients is not None:
        flat = model.coefficients.ravel()
        blocks["local_motion_model"] = Table.of(
            rlnMotionModelCoeffsIdx=np.arange(len(flat)), rlnMotionModelCoeff=[f"{value:.9g}" for value in flat]
        )
    y, x = np.divmod(np.flatnonzero(result.hot), nx)
    if len(x):
        blocks["hot_pixels"] = Table.of(rlnCoordinateX=x.astype(float), rlnCoordinateY=y.astype(float))
    if model.coefficients is not None:
        blocks["local_shift"] = _told(result, numbers, (ny, nx))
    return Tables(blocks)


def _told(result: Result, numbers: np.ndarray, shape: tuple[int, int]) -> Table:
    """What the patches said, which RELION draws: their middles, and every frame's shift."""
    told = result.alignment.told
    middles = (told.points + 1) / 2 * shape[::-1]
    own = told.displacements - told.displacements[:, :1]
    return Table.of(
        rlnMicrographFrameNumber=np.tile(numbers, len(middles)),
        rlnCoordinateX=np.repeat(middles[:, 0], len(numbers)).round(2),
        rlnCoordinateY=np.repeat(middles[:, 1], len(numbers)).round(2),
        rlnMicrographShiftX=-own[..., 0].ravel().round(4), rlnMicrographShiftY=-own[..., 1].ravel().round(4),
    )  # fmt: skip


def finished(tables: Tables, done: list[tuple[Entry, dict[str, Any]]], settings: Settings) -> Tables:
    """``data_micrographs`` in the place of ``data_movies``; the movies that could be done, their other columns kept."""
    movies = tables["movies"]
    kept = {entry.name for entry, _ in done}
    rest = movies.take(np.array([name in kept for name in movies.text("rlnMicrographMovieName")]))
    names = list(done[0][1]["columns"])
    columns = {name: [found["columns"][name] for _, found in done] for name in names}
    table = rest.with_columns(**columns)
    order = [*names, *(name for name in table.columns if name not in names)]
    optics = tables["optics"]
    original = optics.floats(
        next(name for name in ("rlnMicrographOriginalPixelSize", "rlnMicrographPixelSize") if name in optics)
    )
    optics = optics.with_columns(
        rlnMicrographOriginalPixelSize=original, rlnMicrographPixelSize=(original * settings.bin).round(6)
    )
    out = tables.without_block("movies").with_block("optics", optics)
    return out.with_block("micrographs", table.select(order))
