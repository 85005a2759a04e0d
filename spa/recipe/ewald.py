"""The Ewald sphere's curvature, put right when all poses are known."""

import numpy as np

from spa.image.ctf import wavelength
from spa.job.pool import mapping
from spa.job.run import Run
from spa.recipe.given import Inputs
from spa.refine import scales
from spa.refine.engine import CPU, Engine
from spa.refine.problem import Workers
from spa.refine.states import State

SIGNS = {"positive": 1, "negative": -1}


def corrected(run: Run, inputs: Inputs, state: State, way: str, engine: Engine = CPU) -> State:
    """The state with maps of images on the sphere; way: of `options.ewald`, "none" leaves it as it is."""
    if way == "none":
        return state
    from spa.refine import curved  # compiled where it is asked for

    wave = np.asarray(wavelength(inputs.stack.voltage[inputs.rows]))
    with mapping(run.threads) as pool:
        problem = scales.seen(inputs.problem, state)
        found = curved.reconstructed(problem, state, wave, SIGNS[way], Workers(pool, run.threads, engine))
    images = inputs.problem.images
    before, after = (problem.resolution(one.curve) for one in (state, found))
    flat, bent = (float(one.curve[2 : images.band.radius].mean()) for one in (state, found))
    run.note(f"Ewald sphere, {way}: {before:.2f} A -> {after:.2f} A, mean FSC {flat:.4f} -> {bent:.4f}")
    if bent < flat - 1e-3:
        other = "negative" if way == "positive" else "positive"
        run.warn(f"--ewald {way} makes the half maps agree less: is the map's hand the other, and so --ewald {other}?")
    return found
