"""What a refinement leaves: states while it runs, maps and tables at its end."""

from pathlib import Path

import numpy as np

from spa.errors import ReadError
from spa.io import mrc, star
from spa.io.arrays import DAMAGED
from spa.io.star import Table, Tables
from spa.io.whole import whole
from spa.job.maps import BLOCK, with_maps, with_symmetry
from spa.job.particles import pose_columns
from spa.job.run import Run
from spa.model.poses import eulers
from spa.recipe.given import Inputs
from spa.refine import plan, premises, recognised, scales, states
from spa.refine.expectation import Poses
from spa.refine.problem import Problem
from spa.refine.solvent import flattened
from spa.refine.states import State

STATE = "state.npz"
EVIDENCE, AWAY = "spaParticleEvidence", "spaWholeDeviation"
CROWDED = 0.01  # of the images at the edge of the shifts that were searched
CLEAR = 0.5  # mean share of the best pose, of images that show the particle, below which a result is in doubt
LEAST = 0.1  # of the images must show the particle
EXPLAINED = 0.5  # of their power over the noise, the least that a map of the particle explains
MANY = 0.02  # of the images show none: this is said


def resumed(run: Run, start: State, name: str = STATE) -> State:
    """The last whole iteration with --resume, or the start."""
    assert run.outdir is not None
    path = run.outdir / name
    if not run.resume or not path.exists():
        return start
    try:
        found = states.load(path, start)
    except (OSError, *DAMAGED):
        raise ReadError(f"{path}: cannot be read: it is not the whole state of an iteration") from None
    run.warn(f"going on after iteration {found.iteration}")
    return found


def checkpoint(run: Run, state: State, name: str = STATE) -> None:
    """Keep an iteration, and stop after it when asked to."""
    assert run.outdir is not None
    with whole(run.outdir / name) as path:
        states.save(path, state)
    run.checkpoint()


def counted(state: State) -> str:
    """Which iteration it was and, where images take turns, after how many passes over all of them."""
    passes = "" if abs(state.passes - state.iteration) < 0.05 else f" ({state.passes:.1f} passes)"
    return f"iteration {state.iteration}{passes}"


def line(problem: Problem, state: State) -> str:
    """One iteration in words."""
    kind = "local" if state.local else "wide" if state.wide else "global"
    moved = f"{np.rad2deg(state.moved):.2f} deg" if state.moved < np.pi else "-"
    return (
        f"{counted(state)}: {resolution(problem, state):.2f} A, "
        f"{int(state.searched.sum())} particles, next {kind}, posterior {state.sharpness:.2f}, moved {moved}"
    )


def resolution(problem: Problem, state: State) -> float:
    """Where the FSC of the half maps in the solvent mask falls below 0.143, angstroms."""
    return problem.resolution(state.curve)


def doubt(problem: Problem, state: State) -> str | None:
    """What speaks against a refinement's result; None where the poses of what shows the particle came to rest."""
    shown = (state.evidence > recognised.SURE).mean()
    if state.local and state.clarity >= CLEAR and shown >= LEAST:
        whole = problem.dynamic and problem.prior.poses is None  # else the map may be meant to be of a part
        start, end = problem.images.shell_of(problem.settings.lowpass), problem.images.band.radius
        if whole and problem.reach(state.curve) <= start + 1 < end:
            return (
                f"its poses came to rest, but half maps agree about nothing finer than the start, which had "
                f"{problem.settings.lowpass:g} A"
            )
        if state.explained >= EXPLAINED or not whole:
            return None
        return (
            f"its poses came to rest, but the map explains only {state.explained:.0%} of the power that the images "
            "have over the noise: a wrong start, or a wrong symmetry, leads to a map that agrees with itself"
        )
    went = f"{state.wandering:.0%} went to quite another pose in the last search"
    went = "none was searched twice" if state.passes <= 1 else went
    return (
        f"it did not converge: {shown:.0%} of the images surely show the particle; of these {went}, and the best pose "
        f"has {state.clarity:.0%} of the posterior; half maps that share their start and their errors agree better "
        "than either is right"
    )


def unclear(state: State) -> np.ndarray:
    """(n,) images that nothing, or any pattern at all, explains no worse than the particle does."""
    return state.evidence <= state.threshold


def junk(problem: Problem, state: State) -> str | None:
    """What to do with images that show no particle; None where there are next to none, or nothing is sure yet."""
    words = None if doubt(problem, state) else unexplained(problem, state, "the map")
    return words and f"{words}, `spa select particles` leaves out broken ones too, and `spa refine hetero` with a " \
                     "second reference sorts out what they are"  # fmt: skip


def unexplained(problem: Problem, state: State, by: str) -> str | None:
    """How many images show nothing that is explained by what is named, and how to leave them out; None where there are
    next to none, or where their noise is so unlike that the louder ones seem to."""
    many = unclear(state)
    if many.mean() < MANY or premises.unlike(problem.images, state.background) > premises.UNLIKE:
        return None
    return (
        f"{many.sum()} of {len(many)} images show nothing that {by} explains: `spa star filter "
        f"'{EVIDENCE} > {state.threshold:.1f}'` keeps the others"
    )


def narrow(problem: Problem, state: State) -> str | None:
    """What speaks for a wider --shift-range; None where next to no shift lies at its edge."""
    share = plan.at_edge(problem, state)
    if share < CROWDED or problem.prior.poses is not None:
        return None
    reach = f"{plan.widest_shift(problem) * problem.images.pixel_size:g} A"
    return (
        f"{share:.0%} of the images are shifted by nearly the {reach} that were searched, some perhaps by more: "
        "a larger --shift-range finds them"
    )


def coarse(problem: Problem, state: State) -> str | None:
    """That the pixels, not the data, end the resolution; None where they do not, or where a result is in doubt."""
    images = problem.images
    if problem.reach(state.curve) < images.band.radius or doubt(problem, state):
        return None
    return (
        f"half maps agree to the finest detail that pixels of {images.pixel_size:.3g} A have: particles extracted anew "
        "with a larger --crop (`spa extract particles --recenter`) show whether there is more"
    )


def summary(problem: Problem, state: State) -> str:
    found = f"{resolution(problem, state):.2f} A"
    if doubt(problem, state):
        found = f"not converged (FSC 0.143 of the half maps at {found}, which claims nothing), "
    else:
        found += " (FSC 0.143 of the half maps in the solvent mask, not corrected for it), "
    number = int(unclear(state).sum())
    particles = f"{len(problem.images)} particles" + (f" ({number} of them unclear)" if number else "")
    return f"{found}{particles}, {problem.settings.symmetry}, {state.iteration} iterations"


def written(run: Run, given: Inputs, state: State) -> Tables:
    """Maps and curve into DIR; the table with poses."""
    table = pose_table(given, state.poses[0], state)
    return with_files(run, given, state, with_scales(table, given.problem, state))


def with_files(run: Run, given: Inputs, state: State, table: Table) -> Tables:
    """Maps and curve into DIR; the document with a table of the particles, and those files."""
    assert run.outdir is not None and state.joint is not None and state.halves is not None
    problem = given.problem
    files = []
    volumes = {
        "map": flattened(problem, state.joint[0], resolution(problem, state)),
        "half1": state.halves[0, 0],
        "half2": state.halves[0, 1],
        "mask": problem.solvent,
    }
    for role, volume in volumes.items():
        path = run.outdir / f"{role}.mrc"
        mrc.write(path, np.asarray(volume, np.float32), problem.images.pixel_size)
        files.append((role, str(path)))
    curve = run.outdir / "fsc.star"
    width = problem.images.band.box * problem.images.pixel_size
    star.write(Tables(blocks={"fsc": curve_table(state.curve, width)}), curve)
    files.append(("fsc", str(curve)))
    tables = given.stack.tables.without_block(BLOCK).with_block("particles", table)
    return with_symmetry(with_maps(tables, files), [problem.settings.symmetry])


def curve_table(curve: np.ndarray, width: float) -> Table:
    """An FSC (n//2+1,) of half maps in RELION's columns; width: of the box, angstroms."""
    shells = np.arange(len(curve))
    return Table.of(
        rlnSpectralIndex=shells, rlnResolution=shells / width,
        rlnAngstromResolution=np.where(shells > 0, width / np.maximum(shells, 1), 999.0),
        rlnGoldStandardFsc=np.where(shells == 0, 1.0, curve),
    )  # fmt: skip


def pose_table(given: Inputs, poses: Poses, state: State) -> Table:
    """The particles' table with the best mode of each, its error, its share of the posterior, and the state's evidence
    and how far it says that each is from showing all of its map."""
    images = given.problem.images
    n = np.arange(len(images))
    best = poses.weight.argmax(axis=1)
    spread = np.sqrt((poses.root[n, best] ** 2).sum(axis=-1))
    whole = {} if state.whole is None else {AWAY: np.round(state.whole, 4)}
    return given.stack.table(given.rows).without(AWAY).with_columns(
        **pose_columns(poses.poses[n, best], poses.shifts[n, best], images.pixel_size),
        rlnRandomSubset=images.half + 1,
        rlnMaxValueProbDistribution=poses.weight[n, best],
        rlnLogLikeliContribution=poses.logp[n, best],
        rlnNrOfSignificantSamples=(poses.weight >= 0.01).sum(axis=1),
        spaPoseEntropy=poses.entropy(),
        **{EVIDENCE: np.round(state.evidence, 4)},
        **whole,
        spaTurnError=np.rad2deg(np.sqrt((spread[:, :3] ** 2).sum(axis=1))),
        spaShiftError=np.sqrt((spread[:, 3:] ** 2).sum(axis=1)) * images.pixel_size,
    )


def with_scales(table: Table, problem: Problem, state: State) -> Table:
    """The particles with their group's grey scale, where there are groups."""
    scale = scales.seen(problem, state).images.scale
    return table if scale is None else table.with_columns(rlnGroupScaleCorrection=scale)


def draw(path: Path, problem: Problem, state: State) -> None:
    """FSC, slices and projections, and the views, in one figure."""
    from spa.plot import refinement
    from spa.plot.figure import save

    assert state.joint is not None
    copies = state.poses[0].best()[:, None] @ problem.settings.operators
    euler = eulers(copies.reshape(-1, 3, 3))
    map_ = flattened(problem, state.joint[0], resolution(problem, state))
    figure = refinement.overview(state.curve, map_, euler, problem.images.pixel_size, resolution(problem, state))
    save(figure, path)
