"""The CTF of each row of ``data_micrographs``, and the columns that tell it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from spa.ctffit.fit import Fit, Tiled, fit_ctf
from spa.ctffit.quality import CERTAIN, UNSURE
from spa.ctffit.search import Bounds
from spa.ctffit.spectrum import Spectrum, of_amplitudes
from spa.ctffit.tiles import tile_spectra
from spa.errors import DataError, UsageError
from spa.image.ctf import Lens
from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job import micrographs
from spa.job.run import Run
from spa.model.filenames import titles
from spa.model.numbers import sensible_or_zero
from spa.model.optics import Optics
from spa.plot.ctf import Panel
from spa.recipe import surface
from spa.recipe.device import device_of

SPECTRUM = "rlnCtfPowerSpectrum"
_DOUBT = 30.0  # nats, of all micrographs of a group
_SHOWN = 24  # micrographs in a montage
_PLACES = 32  # along the longer side of a surface that is drawn
_CURVES = ("spaFrequency", "spaEquiPhaseAverage", "spaCtfSquared", "spaFitFrc")


@dataclass(frozen=True)
class Settings:
    """The options, in their units; None where the micrograph decides."""

    box: int
    resolution: tuple[float, float] | None
    defocus: tuple[float, float]
    phase_shift: tuple[float, float] | None
    astigmatism: float
    whole: bool
    power_spectrum: bool

    def bounds(self, pixel_size: float, known_phase: float) -> Bounds:
        """For a micrograph of this pixel size (angstroms) whose table says this phase shift (degrees)."""
        low, high = self.resolution or (30.0, 5.0 if pixel_size > 1.2 else 4.0)
        first, last = np.radians(self.phase_shift if self.phase_shift else (known_phase, known_phase))
        return Bounds(low, high, self.defocus, (float(first), float(last)), self.astigmatism)


def settings_of(**options: Any) -> Settings:
    """The command's options checked against each other. UsageError."""
    settings = Settings(**options)
    for name, pair in (("--defocus", settings.defocus), ("--phase-shift", settings.phase_shift)):
        if pair and pair[0] > pair[1]:
            raise UsageError(f"{name}: {pair[0]:g} is more than {pair[1]:g}")
    if settings.box % 2:
        raise UsageError(f"--box {settings.box}: an even number of pixels is needed")
    if settings.defocus[0] == settings.defocus[1]:
        raise UsageError("--defocus: nothing to search between equal ends")
    if settings.resolution and settings.resolution[0] <= settings.resolution[1]:
        low, high = settings.resolution
        raise UsageError(f"--resolution: the coarse end comes first; {low:g} is not coarser than {high:g} angstroms")
    return settings


def estimate(run: Run, tables: Tables, settings: Settings) -> Tables:
    """The document with the CTF in its ``data_micrographs``; micrographs that fail are named and left out."""
    table = tables["micrographs"]
    phases = dict(zip(table.text("rlnMicrographName"), sensible_or_zero(table, "rlnPhaseShift")))
    stems = _stems(list(phases))
    if settings.power_spectrum and SPECTRUM not in table:
        raise DataError(f"{table.where}: no {SPECTRUM} in it, which motion patch writes, for --power-spectrum")
    spectra = dict(zip(phases, table.text(SPECTRUM))) if settings.power_spectrum else {}

    tiled = _tiled(run)

    def work(micrograph: micrographs.Micrograph) -> dict[str, Any]:
        optics = micrograph.optics
        bounds = settings.bounds(micrograph.pixel_size, phases[micrograph.name])
        lens = Lens(optics.voltage, optics.cs, optics.contrast)
        summed = _summed(spectra[micrograph.name]) if spectra else None
        fit = fit_ctf(
            micrograph.data, micrograph.pixel_size, lens, bounds, settings.box, not settings.whole, summed, tiled
        )
        assert run.outdir is not None
        written = _files(fit, run.outdir / stems[micrograph.name])
        return {"columns": _numbers(fit) | written, "cs": {str(cs): gain for cs, gain in fit.other_cs.items()}}

    done = list(micrographs.each(run, tables, work))
    found = {entry.name: result["columns"] for entry, result in done}
    for line in doubts([(entry.optics, result["cs"]) for entry, result in done]):
        run.warn(line)
    kept = table.take(np.array([name in found for name in phases]))
    columns = {name: [result[name] for result in found.values()] for name in next(iter(found.values()))}
    if settings.phase_shift is None and "rlnPhaseShift" not in table:
        del columns["rlnPhaseShift"]
    for name in ("rlnCtfIceRingDensity", "spaIceThickness", "spaCtfTilt", "spaCtfTiltAxis"):
        if np.isnan(columns[name]).all():
            del columns[name]
    columns["rlnCtfImage"] = [f"{name}:mrc" for name in columns["rlnCtfImage"]]  # RELION's way to say what .ctf is
    return tables.with_block("micrographs", kept.with_columns(**columns))


def _tiled(run: Run) -> Tiled:
    """Who makes the spectra of tiles: this processor, or what --device names."""
    device = device_of(run)
    if device is None:
        return tile_spectra
    from spa.ctffit import tiles_cuda

    return partial(tiles_cuda.tile_spectra, device)


def _summed(name: str) -> Spectrum:
    """The spectrum that a row names. MissingInput, ReadError, DataError."""
    image = mrc.read(name)
    return of_amplitudes(image.data, image.pixel_size, name)


def _numbers(fit: Fit) -> dict[str, float]:
    """RELION's columns, angles in degrees."""
    defocus = fit.defocus
    return {
        "rlnDefocusU": round(defocus.u, 2), "rlnDefocusV": round(defocus.v, 2),
        "rlnCtfAstigmatism": round(defocus.u - defocus.v, 2),
        "rlnDefocusAngle": round(float(np.degrees(defocus.angle)), 3), "spaDefocusError": round(fit.error, 1),
        "rlnPhaseShift": round(float(np.degrees(defocus.phase_shift)), 3),
        "spaCtfTilt": round(fit.tilt, 2), "spaCtfTiltAxis": round(fit.tilt_axis, 1),
        "spaIceThickness": round(fit.thickness, 1),
        "rlnCtfFigureOfMerit": round(fit.figure_of_merit, 5), "rlnCtfMaxResolution": round(fit.resolution, 3),
        "rlnCtfIceRingDensity": round(fit.ice_ring, 5), "spaCtfEvidence": round(fit.evidence, 2),
    }  # fmt: skip


def _files(fit: Fit, stem: Path) -> dict[str, str]:
    """Write the picture (signed bytes, 100 where CTF² is 1) and the curves; their names."""
    image, curves = f"{stem}.ctf", f"{stem}_profile.star"
    profile = fit.profile
    step = float(profile.frequency[1] - profile.frequency[0])
    mrc.write(image, np.rint(100 * fit.picture).astype(np.int8), 1 / (len(fit.picture) * step))
    curves_of = (profile.frequency, profile.spectrum, profile.model, profile.frc)
    table = Table.of(**{name: curve.round(6) for name, curve in zip(_CURVES, curves_of)})
    star.write(Tables({"profile": table}), curves)
    if fit.surface is None:
        return {"rlnCtfImage": image, "spaCtfProfile": curves}
    place = f"{stem}_defocus.star"
    surface.write(place, fit.surface)
    return {"rlnCtfImage": image, "spaCtfProfile": curves, surface.COLUMN: place}


def doubts(gains: Sequence[tuple[Optics, dict[str, float]]]) -> Iterator[str]:
    """A line for each optics group whose rings fit another Cs far better than its own."""
    for group in dict.fromkeys(optics for optics, _ in gains):
        mine = [found for optics, found in gains if optics == group and found]
        totals = {cs: np.array([found[cs] for found in mine]) for cs in (mine[0] if mine else {})}
        best = max(totals, key=lambda cs: totals[cs].sum(), default="")
        if best and totals[best].sum() > _DOUBT and np.mean(totals[best] > 0) > 0.75:
            gain = f"{totals[best].sum():.0f} nats"
            yield (
                f"optics group {group.group}: the rings of {len(mine)} micrographs fit a spherical aberration of "
                f"{best} mm far better than the {group.cs:g} mm of the table ({gain})"
            )


def _stems(names: list[str]) -> dict[str, str]:
    """A name in the outdir for each micrograph: its stem, or its whole path where stems are not unique."""
    short = {name: PurePath(name).stem for name in names}
    if len(set(short.values())) == len(names):
        return short
    return {name: "_".join(PurePath(name).with_suffix("").parts).replace("..", "").lstrip("/_") for name in names}


def summary(table: Table) -> str:
    """The figures that matter, in words: of what has rings, where anything has."""
    rings = table.floats("spaCtfEvidence") >= CERTAIN
    count, without = len(table), int((~rings).sum())
    table = table.take(rings) if rings.any() else table
    defocus = (table.floats("rlnDefocusU") + table.floats("rlnDefocusV")) / 2
    resolution = table.floats("rlnCtfMaxResolution")
    text = f"{count} micrographs, defocus {defocus.min():.0f} to {defocus.max():.0f} A, "
    text += f"fit resolution {np.median(resolution):.2f} A (median)"
    for name, what in (("spaCtfTilt", "tilt {:.1f} degrees"), ("spaIceThickness", "ice of {:.0f} A")):
        if name in table and np.isfinite(table.floats(name, missing=np.nan)).any():
            text += ", " + what.format(np.nanmedian(table.floats(name, missing=np.nan))) + " (median)"
    unsure = int((table.floats("spaDefocusError") > UNSURE).sum()) if rings.any() else 0  # of those with rings
    text += f"; {unsure} known to no better than {UNSURE:.0f} A" if unsure else ""
    return text + (f"; {without} without rings" if without else "")


def panels(table: Table) -> list[Panel]:
    """What a montage shows of up to 24 micrographs: all, or every so many of them in the order of their resolution."""
    resolution = table.floats("rlnCtfMaxResolution")
    rows = np.arange(len(table))
    if len(rows) > _SHOWN:
        rows = np.argsort(resolution, kind="stable")[np.linspace(0, len(rows) - 1, _SHOWN).round().astype(int)]
    names = titles(table.listed("rlnMicrographName"))
    return [_panel(table.take([row]), names) for row in rows]


def _panel(row: Table, names: dict[str, str]) -> Panel:
    curves = star.read(str(row.text("spaCtfProfile")[0]))["profile"]
    u, v, angle, resolution = (float(row.floats(name)[0]) for name in (
        "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnCtfMaxResolution"))  # fmt: skip
    title = f"{names[str(row.text('rlnMicrographName')[0])]}\n{u:.0f} / {v:.0f} Å at {angle:.0f}°, {resolution:.1f} Å"
    frequency, spectrum, model, frc = (curves.floats(name) for name in _CURVES)
    image = mrc.read(str(row.text("rlnCtfImage")[0]).removesuffix(":mrc")).data
    certain = bool(row.floats("spaCtfEvidence")[0] >= CERTAIN)
    return Panel(title, image / 100, frequency, spectrum, model, frc, resolution, certain, _over(row))


def _over(row: Table) -> np.ndarray | None:
    """A micrograph's surface at even places, None where it is level or was not asked for."""
    if surface.COLUMN not in row:
        return None
    found = surface.read(str(row.text(surface.COLUMN)[0]))
    if found.degree == 0:
        return None
    ny, nx = found.shape
    step = max(ny, nx) / _PLACES
    x, y = np.meshgrid(np.arange(step / 2, nx, step), np.arange(step / 2, ny, step))
    return found.at(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
