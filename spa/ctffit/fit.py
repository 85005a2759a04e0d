"""From a micrograph to its CTF: the whole way."""

from dataclasses import dataclass, replace

import numpy as np

from spa.ctffit.picture import picture
from spa.ctffit.quality import CERTAIN, Profile, fit_resolution, ice_ring, profile
from spa.ctffit.refine import FEWEST, Defocus, fit_bins
from spa.ctffit.rings import rings
from spa.ctffit.search import Bounds
from spa.ctffit.spectrum import Spectrum, power_spectrum
from spa.errors import DataError
from spa.image.ctf import Lens


@dataclass(frozen=True)
class Fit:
    """What is known of a micrograph's CTF; resolution in angstroms, evidence in nats over no rings at all."""

    defocus: Defocus
    figure_of_merit: float
    evidence: float
    resolution: float
    ice_ring: float
    profile: Profile
    picture: np.ndarray

    @property
    def certain(self) -> bool:
        """Whether there are rings at all."""
        return self.evidence >= CERTAIN


def fit_ctf(image: np.ndarray, pixel_size: float, lens: Lens, bounds: Bounds, box: int = 512) -> Fit:
    """The CTF of a micrograph (ny, nx); DataError where it holds nothing to fit, or too few rings for the bounds."""
    return fit_spectrum(power_spectrum(image, pixel_size, box), lens, bounds)


def fit_spectrum(spectrum: Spectrum, lens: Lens, bounds: Bounds) -> Fit:
    """The CTF of a power spectrum."""
    bounds = replace(bounds, high=max(bounds.high, 2.05 * spectrum.pixel_size))
    polar = rings(spectrum)
    chosen = polar.between(bounds.low, bounds.high)
    if len(chosen.radii) < FEWEST:
        raise DataError(
            f"only {len(chosen.radii)} rings between {bounds.low:g} and {bounds.high:g} angstroms "
            f"(box {spectrum.box}, {spectrum.pixel_size:g} angstroms a pixel); {FEWEST} are needed"
        )
    defocus, merit, evidence = fit_bins(chosen, lens, bounds)
    curve = profile(polar, lens, defocus)
    resolution = fit_resolution(curve, evidence, bounds.low)
    shown = picture(spectrum, polar, lens, defocus)
    return Fit(defocus, merit, evidence, resolution, ice_ring(spectrum), curve, shown)
