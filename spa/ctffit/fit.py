"""From a micrograph to its CTF: the whole way."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from spa.ctffit import aberration
from spa.ctffit import thickness as ice
from spa.ctffit.aligned import aligned
from spa.ctffit.local import Polar, polar_tiles, waves
from spa.ctffit.picture import picture
from spa.ctffit.quality import CERTAIN, Profile, fit_resolution, ice_ring, profile
from spa.ctffit.refine import FEWEST, Defocus, Target, climb, damping, fit_bins, uncertainty, weighted
from spa.ctffit.rings import Rings, rings
from spa.ctffit.search import Bounds, even_weights
from spa.ctffit.spectrum import Spectrum
from spa.ctffit.surface import fit_surface
from spa.ctffit.tiles import Tiles, tile_spectra
from spa.errors import DataError
from spa.image.ctf import Lens, wavelength
from spa.image.surface import Surface

Tiled = Callable[[np.ndarray, float, int], Tiles]
_NODE = 7.0  # nats that a thickness must gain
_ROUNDS = 2  # of surface and refinement
_MANY = 64  # tiles, that tell of a surface
_TURNS = 4.0  # how many times the finest ring's spacing must go into the frequencies that a tile can tell apart


@dataclass(frozen=True)
class Fit:
    """What is known of a micrograph's CTF; lengths in angstroms, evidence in nats over no rings at all.

    defocus: its mean over the micrograph; error: the standard deviation of that; surface: what is to be added to it,
    None where one defocus was asked for; tilt, and the direction of its axis from x, in degrees; thickness: NaN where
    nothing tells it; other_cs: how much likelier (nats) the rings are under another Cs (mm), empty where they are none.
    """

    defocus: Defocus
    error: float
    figure_of_merit: float
    evidence: float
    resolution: float
    ice_ring: float
    profile: Profile
    picture: np.ndarray
    surface: Surface | None
    tilt: float
    tilt_axis: float
    thickness: float
    other_cs: dict[float, float]


@dataclass(frozen=True)
class _State:
    """A fit on its way: the rings it was made on (all of them, as they are aligned), its quality."""

    defocus: Defocus
    merit: float
    evidence: float
    rings: Rings
    thickness: float = float("nan")


def fit_ctf(
    image: np.ndarray, pixel_size: float, lens: Lens, bounds: Bounds, box: int = 512, local: bool = True,
    summed: Spectrum | None = None, tiled: Tiled = tile_spectra,
) -> Fit:  # fmt: skip
    """The CTF of a micrograph (ny, nx); DataError where it holds nothing to fit, or too few rings for the bounds.

    summed: of groups of its frames, fitted instead of the image's own; the surface is the image's, whose aligned rings
    take over where it is not level. tiled: who makes the spectra of tiles.
    """
    tiles = tiled(image, pixel_size, box)
    spectrum = tiles.mean() if summed is None else summed
    bounds = replace(bounds, high=max(bounds.high, 2.05 * max(spectrum.pixel_size, tiles.pixel_size)))
    polar = polar_tiles(tiles)
    state = _whole(polar.rings if summed is None else rings(summed)[0], spectrum, lens, bounds)
    surface = Surface(tiles.shape, (1.0, 1.0), np.zeros(1)) if local else None
    if state.evidence >= CERTAIN:
        if local:
            finer = _finer(polar, lens, state.defocus, bounds)
            fine = polar_tiles(tiled(image, pixel_size, finer)) if finer else polar
            state, surface = _local(state, polar, fine, pixel_size, lens, bounds)
        state, others = _thick(state, lens, bounds)
    else:
        others = {}
    return _told(state, others, surface, spectrum, pixel_size, lens, bounds)


def _finer(polar: Polar, lens: Lens, defocus: Defocus, bounds: Bounds) -> int:
    """The box of the tiles to find a surface with: half as large where there are few and their rings are wide enough
    for it, else 0: the same."""
    box = polar.tiles.box // 2
    needed = _TURNS * float(wavelength(lens.voltage)) * defocus.mean / bounds.high  # angstroms
    return 0 if len(polar.tiles.centre) >= _MANY or box * polar.tiles.pixel_size < needed else box


def _whole(polar: Rings, spectrum: Spectrum, lens: Lens, bounds: Bounds) -> _State:
    """One defocus for all tiles."""
    chosen = polar.between(bounds.low, bounds.high)
    if len(chosen.radii) < FEWEST:
        raise DataError(
            f"only {len(chosen.radii)} rings between {bounds.low:g} and {bounds.high:g} angstroms "
            f"(box {spectrum.box}, {spectrum.pixel_size:g} angstroms a pixel); {FEWEST} are needed"
        )
    return _State(*fit_bins(chosen, lens, bounds), polar)


def _local(
    state: _State, polar: Polar, fine: Polar, pixel_size: float, lens: Lens, bounds: Bounds
) -> tuple[_State, Surface]:
    """The surface of the defocus, and the fit to the rings aligned by it, in turns."""
    surface = Surface(polar.tiles.shape, (1.0, 1.0), np.zeros(1))
    fine_rings = fine.rings
    for _ in range(_ROUNDS):
        seen = waves(fine.values, fine_rings, lens, state.defocus, bounds.low, bounds.high)
        found = fit_surface(seen, fine.tiles, pixel_size, state.defocus.mean)
        if found.degree == 0:
            break
        mean = float(found.coefficients[0])
        surface = replace(found, coefficients=np.concatenate([[0.0], found.coefficients[1:]]))
        defocus = replace(state.defocus, u=state.defocus.u + mean, v=state.defocus.v + mean)
        moved, fine_rings = (
            aligned(one.values, one.rings, lens, defocus, surface.at(one.tiles.centre)) for one in (polar, fine)
        )
        state = _refined(_State(defocus, state.merit, state.evidence, moved), lens, bounds)
    return state, surface


def _refined(state: _State, lens: Lens, bounds: Bounds, high: float | None = None) -> _State:
    """The maximum nearest by on the rings of a state, with their envelope and noise; figures as `fit_bins` has them."""
    chosen = state.rings.between(bounds.low, high or bounds.high)
    parameters = state.defocus.parameters
    for _ in range(2):
        target = weighted(chosen, lens, bounds, Defocus.of(parameters), state.thickness)
        parameters, _ = climb(target, parameters)
    merit, evidence = _figures(state.rings, lens, bounds, parameters, state.thickness)
    return replace(state, defocus=Defocus.of(parameters), merit=merit, evidence=max(evidence, state.evidence))


def _figures(polar: Rings, lens: Lens, bounds: Bounds, parameters: np.ndarray, thickness: float) -> tuple[float, float]:
    """Correlation and evidence with even weights."""
    chosen = polar.between(bounds.low, bounds.high)
    factor = damping(lens, chosen.k2, thickness)
    target = Target(chosen, lens, bounds, even_weights(chosen), factor)
    return target.correlation(parameters)[0], target(parameters)[0]


def _thick(state: _State, lens: Lens, bounds: Bounds) -> tuple[_State, dict[float, float]]:
    """The same with the thickness of the ice, where the rings have a node that no other Cs explains as well; and the
    gains of other Cs."""
    high = _finest(state.rings)
    outer, thick = state.rings.between(bounds.low, high), state
    found, gain = ice.find(outer, lens, state.defocus)
    if gain > _NODE:
        for _ in range(2):
            thick = _refined(replace(thick, thickness=found), lens, bounds, high)
            found, gain = ice.find(outer, lens, thick.defocus)
        thick = replace(thick, thickness=found)
    others = aberration.gains(outer, lens, thick.defocus, bounds, thick.thickness)
    explained = gain > _NODE and max(others.values(), default=0.0) < 0
    return thick if explained else state, others


def _finest(polar: Rings) -> float:
    """The resolution (angstroms) up to which spectra are as they should be."""
    return 1 / (0.9 * float(polar.ring.max()) * polar.step)


def _told(
    state: _State, others: dict[float, float], surface: Surface | None, spectrum: Spectrum, pixel_size: float,
    lens: Lens, bounds: Bounds,
) -> Fit:  # fmt: skip
    """A fit with its curves, its picture and its figures."""
    curve = profile(state.rings, lens, state.defocus, state.thickness)
    resolution = fit_resolution(curve, state.evidence, bounds.low)
    chosen = state.rings.between(bounds.low, bounds.high)
    error = uncertainty(weighted(chosen, lens, bounds, state.defocus, state.thickness), state.defocus.parameters)
    shown = picture(spectrum, state.rings, lens, state.defocus, state.thickness)
    tilt, axis = tilted(surface, pixel_size)
    return Fit(state.defocus, error, state.merit, state.evidence, resolution, ice_ring(spectrum), curve, shown, surface,
               tilt, axis, state.thickness, others)  # fmt: skip


def tilted(surface: Surface | None, pixel_size: float) -> tuple[float, float]:
    """The tilt of a surface's plane, and the direction of its axis from x (0 where it is level), in degrees; NaN where
    there is none.

    Along (sin axis, -cos axis) the defocus grows by tan(tilt).
    """
    if surface is None:
        return float("nan"), float("nan")
    x, y = surface.slope(pixel_size)
    axis = float(np.degrees(np.arctan2(x, -y)) % 360) if x or y else 0.0
    return float(np.degrees(np.arctan(np.hypot(x, y)))), axis
