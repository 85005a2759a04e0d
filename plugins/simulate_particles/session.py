"""What is simulated: the specimen, the particles drawn of it, and how the microscope sees them."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from spa.errors import UsageError
from spa.image.ctf import Lens
from spa.io import mrc
from spa.job.run import Run
from spa.recipe import specimen as asked
from spa.simulate.micelle import Belt, belt
from spa.simulate.odd import with_odd_unit
from spa.simulate.particles import noise_level
from spa.simulate.specimen import Specimen
from spa.volume.symmetry import operators
from spa_plugins.simulate_particles.draws import drawn
from spa_plugins.simulate_particles.imaging import Imaging
from spa_plugins.simulate_particles.planted import Planted

SAMPLE = 128  # images that set the noise level
EWALD = {"none": 0, "positive": 1, "negative": -1}


@dataclass(frozen=True)
class Wanted:
    """The options of the command that are its own; specimen, planted: those that it shares, and the aberrations.

    Lengths in angstroms, but for cs in mm.
    """

    specimen: asked.Asked
    planted: Planted
    count: int
    snr: float
    defocus: tuple[float, float]
    astigmatism: float
    voltage: float
    cs: float
    amplitude_contrast: float
    shift: float
    bfactor: float
    optics_groups: int
    per_micrograph: int
    odd_subunit: str | None
    micelle: tuple[float, float] | None
    micelle_contrast: float
    defocus_error: float
    ewald: str

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Wanted":
        """From all options of the command."""
        own = {field.name: settings[field.name] for field in fields(cls) if field.name not in ("specimen", "planted")}
        return cls(asked.Asked.of(settings), Planted.of(settings), **own)

    def __post_init__(self) -> None:
        if self.micelle and self.micelle[0] >= self.micelle[1]:
            raise UsageError(f"--micelle {self.micelle[0]:g} {self.micelle[1]:g}: the lower height comes first")


@dataclass(frozen=True, eq=False)
class Session:
    """seen: the images without noise, over sigma those with noise of unit variance in the mean; around: detergent;
    tilts (groups, 2): beam tilts, milliradians.
    """

    wanted: Wanted
    specimen: Specimen
    seen: Imaging
    sigma: float
    around: Belt | None
    tilts: np.ndarray

    def words(self) -> str:
        images = f"{self.wanted.count} images of {self.seen.box} px at {self.seen.pixel_size:g} A"
        return f"{images}, a specimen {self.specimen.diameter:.0f} A across, SNR {self.wanted.snr:g}"


def session(run: Run, wanted: Wanted) -> Session:
    """Everything is drawn here but the noise. UsageError for what excludes each other."""
    specimen = asked.made(run, wanted.specimen)
    if wanted.odd_subunit:
        specimen = _odd(run, specimen, wanted.specimen.symmetry, wanted.odd_subunit)
    side, pixel = len(specimen.volume), specimen.pixel_size
    forms = specimen.drawn(wanted.count, run.rng("forms"))
    draws = drawn(wanted.count, wanted.optics_groups, wanted.per_micrograph, wanted.defocus, wanted.astigmatism,
                  wanted.shift, run.rng("draws"), forms, wanted.defocus_error)  # fmt: skip
    planted = wanted.planted
    lens = Lens(wanted.voltage, wanted.cs + planted.cs_error, wanted.amplitude_contrast)
    tilts = planted.tilts(wanted.optics_groups, run.rng("beam tilt"))
    seen = Imaging(specimen, draws, lens, planted.aberrations(tilts, lens), side, pixel, wanted.bfactor,
                   EWALD[wanted.ewald])  # fmt: skip
    whole = replace(seen, draws=replace(draws, form=np.zeros(wanted.count, int)))
    clean = whole.clean(np.arange(min(wanted.count, SAMPLE)))
    sigma = noise_level(clean, specimen.diameter / pixel, wanted.snr)
    around = belt(specimen.volume, pixel, *wanted.micelle, wanted.micelle_contrast) if wanted.micelle else None
    return Session(wanted, specimen, seen, sigma, around, tilts)


def _odd(run: Run, specimen: Specimen, symmetry: str, kind: str) -> Specimen:
    """The specimen with one subunit changed: the mask of that goes to DIR/odd.mrc."""
    if specimen.broken:
        raise UsageError("--broken and --odd-subunit: give one of them")
    if run.outdir is None or len(operators(symmetry)) == 1:
        raise UsageError(f"--odd-subunit: with --symmetry {symmetry} there is one subunit alone")
    specimen, mask = with_odd_unit(specimen, operators(symmetry), kind)
    mrc.write(run.outdir / "odd.mrc", mask, specimen.pixel_size, origin=specimen.origin)
    return specimen
