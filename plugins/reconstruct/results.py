"""Maps and curve, the table with its scales, and the figure."""

from pathlib import Path

from spa.io.star import Tables
from spa.job.run import Run
from spa.recipe import kept
from spa_plugins.reconstruct.making import Made


def written(run: Run, made: Made) -> Tables:
    """Maps and curve into DIR; the table with half-sets and scales, its poses as they were."""
    inputs, images = made.inputs, made.problem.images
    table = inputs.stack.table(inputs.rows).with_columns(rlnRandomSubset=images.half + 1)
    return kept.with_files(run, inputs, made.state, kept.with_scales(table, made.problem, made.state))


def words(made: Made) -> str:
    """What was found."""
    problem, n = made.problem, len(made.inputs.rows)
    found = f"{kept.resolution(problem, made.state):.2f} A (FSC 0.143 of the half maps in the solvent mask, not "
    share = f"the map explains {min(made.explained, 1):.0%} of their signal"
    return f"{found}corrected for it), {n} particles, {problem.settings.symmetry}; {share}"


def draw(path: Path, made: Made) -> None:
    kept.draw(path, made.problem, made.state)
