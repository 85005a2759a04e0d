"""Tables: the particles as they are now, tracks, the prior, what frames are worth."""

from typing import Any

import numpy as np

from spa.io.star import Table, Tables
from spa.model.positions import pixel_size_column
from spa.polish.tracks import Prior
from spa.polish.weights import Weights
from spa_plugins.polish_particles.frames import Kind
from spa_plugins.polish_particles.movie import Reference
from spa_plugins.polish_particles.sizes import Sizes


def tracks(places: np.ndarray, moved: np.ndarray) -> Tables:
    """RELION's document: of each particle where it is in each frame, angstroms from its place in the first one.

    places (p, 2) x y in pixels of the movie, moved (p, n, 2) angstroms.
    """
    blocks = {"general": Table.pairs(rlnParticleNumber=len(moved))}
    for number, (place, track) in enumerate(zip(places, moved)):
        x, y = track.T.round(4)
        blocks[str(number)] = Table.of(rlnOriginXAngst=x, rlnOriginYAngst=y, rlnCoordinateX=float(place[0].round(3)),
                                       rlnCoordinateY=float(place[1].round(3)))  # fmt: skip
    return Tables(blocks)


def prior_table(prior: Prior) -> Tables:
    """The prior's parameters as options have them."""
    return Tables({"prior": Table.pairs(
        spaSigmaVelocity=float(f"{prior.velocity:.4g}"), spaSigmaDivergence=float(f"{prior.length:.5g}"),
        spaSigmaAcceleration=float(f"{prior.acceleration:.4g}"), spaSlowing=prior.slowing,
        spaSigmaPlace=float(f"{prior.place:.4g}"),
    )})  # fmt: skip


def bfactors(weights: dict[Kind, Weights | None]) -> Tables:
    """RELION's document of frames: B-factors, and logarithms of scales; one block for each kind of movie."""
    blocks = {}
    for number, (kind, one) in enumerate(weights.items(), 1):
        if one is None:
            continue
        name = "perframe_bfactors" if len(weights) == 1 else f"perframe_bfactors_{number}"
        blocks[name] = Table.of(
            rlnMovieFrameNumber=np.array(kind.numbers), rlnBfactorUsedForSharpening=(-one.bfactor).round(3),
            rlnFittedInterceptGuinierPlot=np.log(one.scale).round(5),
        )  # fmt: skip
    return Tables(blocks)


def tables_of(reference: Reference, summed: list[dict[str, Any]], made: Sizes) -> Tables:
    """The document with the new images: rows in the order in which they came, coordinates the boxes' middles."""
    stack = reference.given.stack
    rows = np.array([row for one in summed for row in one["rows"]], np.int64)
    order = np.argsort(rows, kind="stable")
    names = np.array([name for one in summed for name in one["names"]], object)[order]
    centres, rest = (np.concatenate([np.array(one[name]).reshape(-1, 2) for one in summed])[order]
                     for name in ("centres", "rest"))  # fmt: skip
    table = stack.table(rows[order]).with_columns(
        rlnImageName=names, rlnCoordinateX=centres[:, 0], rlnCoordinateY=centres[:, 1],
        rlnOriginXAngst=rest[:, 0] + 0.0, rlnOriginYAngst=rest[:, 1] + 0.0,
    )  # fmt: skip
    optics = stack.tables["optics"]
    micrographs = optics.floats(pixel_size_column(optics)).tolist()
    pixels = (one["pixels"] for one in summed for _ in one["rows"])
    used = dict(zip(stack.particles.optics_group[rows].tolist(), pixels))
    known = [used.get(group, (one, one)) for group, one in zip(optics.ints("rlnOpticsGroup").tolist(), micrographs)]
    optics = optics.with_columns(
        rlnImagePixelSize=round(made.pixel_size, 6), rlnImageSize=made.crop, rlnImageDimensionality=2,
        rlnCtfDataAreCtfPremultiplied=0, rlnMicrographOriginalPixelSize=[movie for movie, _ in known],
        rlnMicrographPixelSize=[micrograph for _, micrograph in known],
    )  # fmt: skip
    gone = ("", "extraction", "subtraction")
    others = {name: one for name, one in stack.tables.blocks.items() if name not in gone}
    return Tables(others | {"optics": optics, "particles": table}, stack.tables.history, stack.tables.source)
