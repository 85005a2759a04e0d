"""What a run leaves: maps, the seeds' scores, the table with poses and classes."""

from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.io.star import Table, Tables
from spa.job import maps
from spa.job.run import Run
from spa.recipe.abinit.alone import SHOWN
from spa.recipe.abinit.course import Outcome
from spa.recipe.abinit.ended import final_maps, posed
from spa.recipe.abinit.inputs import Given
from spa.recipe.abinit.quenching import shell_of, stuck
from spa.recipe.kept import AWAY, EVIDENCE
from spa.volume.fsc import crossing

CLEAR = 0.6  # of an image's posterior in its best pose: below, half of the best poses and more were wrong


def written(run: Run, given: Given, outcome: Outcome) -> Tables:
    """Maps and seeds.star into DIR; the table with poses, data_classes and data_maps."""
    assert run.outdir is not None
    particles = _particles(given, outcome)
    earlier = given.stack.tables.without_block(maps.BLOCK).without_block(maps.SYMMETRY)
    tables = earlier.with_block("particles", particles)
    order = _order(outcome)
    volumes, names = final_maps(given, outcome.state), []
    for place, number in enumerate(order):
        path = run.outdir / f"class{place + 1:03d}.mrc"
        mrc.write(path, volumes[number], given.stack.pixel_size)
        tables = maps.with_maps(tables, [("map", str(path))], place + 1)
        names.append(str(path))
    tables = tables.with_block("classes", _classes(given, outcome, names, particles))
    if given.auto:
        groups = [outcome.symmetry[number] for number in order[: len(outcome.symmetry)]]
        tables = maps.with_symmetry(tables, groups)
    star.write(Tables(blocks={"seeds": _seeds(given, outcome)}), run.outdir / "seeds.star")
    return tables


def _order(outcome: Outcome) -> np.ndarray:
    """Classes, the largest first, and junk last."""
    found, count = outcome.state.found, len(outcome.state.sizes)
    assert found is not None
    held = np.bincount(found.number, minlength=count)
    held[len(outcome.symmetry) :] = -1
    return np.argsort(-held, kind="stable")


def _particles(given: Given, outcome: Outcome) -> Table:
    found = outcome.state.found
    assert found is not None
    place = np.argsort(_order(outcome))
    return posed(given, found).without(AWAY).with_columns(
        rlnClassNumber=place[found.number] + 1, rlnMaxValueProbDistribution=found.peak,
        **{EVIDENCE: np.round(outcome.shown, 4)},
    )  # fmt: skip


def _classes(given: Given, outcome: Outcome, names: list[str], particles: Table) -> Table:
    """One row a class; names: its map. Junk's blob resolves nothing."""
    order, number, curves = _order(outcome), np.arange(1, len(names) + 1), outcome.state.curves
    found = [_resolution(given, curve) for curve in curves]
    found += [given.images.resolution_of(1)] * (len(names) - len(found))
    return Table.of(
        rlnReferenceImage=names, rlnClassNumber=number,
        rlnClassDistribution=np.round(np.asarray(outcome.state.sizes)[order], 8),
        rlnEstimatedResolution=np.round(found, 4)[order],
        spaClassSize=np.bincount(particles.ints("rlnClassNumber"), minlength=len(names) + 1)[1:],
    )  # fmt: skip


def _seeds(given: Given, outcome: Outcome) -> Table:
    """One row a heat: what it was held to, how likely it makes images that it has not seen, whom it agrees with."""
    best = outcome.best if outcome.heated else None
    width = given.stack.box * given.stack.pixel_size
    agreed = [entry.agreement for entry in outcome.heats]
    return Table.of(
        spaSeed=[entry.seed for entry in outcome.heats],
        spaSymmetry=[entry.symmetry for entry in outcome.heats],
        spaHeldOutEvidence=[entry.evidence for entry in outcome.heats],
        spaAgreementResolution=[0.0 if one is None else width / one.shell for one in agreed],
        spaMirrored=[0 if one is None else int(one.mirrored) for one in agreed],
        spaChosen=[
            int(best is not None and (entry.seed, entry.symmetry) == (best.seed, best.symmetry))
            for entry in outcome.heats
        ],
    )


def resolution(given: Given, outcome: Outcome) -> float:
    """Where the half maps' FSC of the best class falls below 0.143 in the particle's sphere, angstroms."""
    return min(_resolution(given, curve) for curve in outcome.state.curves)


def _resolution(given: Given, curve: np.ndarray) -> float:
    return given.images.resolution_of(min(crossing(curve, 0.143), given.images.band.radius))


def summary(given: Given, outcome: Outcome) -> str:
    """Resolution, classes, and how many of the heats agree with the best of their kind, if it came from them."""
    rivals = [entry.agreement for entry in outcome.heats if entry.agreement is not None]
    alike = sum(one.shell >= 0.6 * outcome.compared for one in rivals)
    kinds = len(outcome.heats) - len(rivals)
    kind = f"{resolution(given, outcome):.1f} A (FSC 0.143 of half maps in the particle's sphere)"
    if len(outcome.state.sizes) > 1:
        kind += ", classes: " + "; ".join(_told(given, outcome, number, "A") for number in _order(outcome))
    else:
        kind += f", {outcome.symmetry[0]}"
    count = len(outcome.heats)
    told = f"{alike + kinds} of {count} starts agree" if outcome.heated else f"from a start after the first {count}"
    return f"{kind}, {len(given.images)} particles; {told}{anew(outcome)}"


def anew(outcome: Outcome) -> str:
    """Which classes' maps were made of their images alone, if any."""
    places = [str(place) for place, number in enumerate(_order(outcome), 1) if number in outcome.alone]
    if not places:
        return ""
    return f"; class{'es' * (len(places) > 1)} {', '.join(places)} from nothing once more, of their images alone"


def _told(given: Given, outcome: Outcome, number: int, unit: str) -> str:
    """A class's share of the images, its symmetry and what its half maps resolve; junk's blob resolves nothing."""
    share = f"{100 * outcome.state.sizes[number]:.0f} %"
    if number >= len(outcome.symmetry):
        return f"{share} junk"
    if number in nothing(outcome):
        return f"{share} that show no particle"
    reached = _resolution(given, outcome.state.curves[number])
    return f"{share} {outcome.symmetry[number]} at {reached:.1f} {unit}"


def nothing(outcome: Outcome) -> set[int]:
    """Which of several classes gathered images that do not speak for a particle."""
    found = outcome.state.found
    assert found is not None
    count = len(outcome.symmetry)
    each = [outcome.shown[found.number == number] for number in range(count if count > 1 else 0)]
    return {number for number, shown in enumerate(each) if len(shown) and shown.mean() < SHOWN}


def unsure(outcome: Outcome) -> str:
    """That most poses are not known yet, where so; of several classes, of which. Junk's are nobody's, and noise's."""
    clear = outcome.state.clear
    assert clear is not None
    kinds = set(range(len(outcome.symmetry))) - nothing(outcome)
    low = [number for number in _order(outcome) if number in kinds and clear[number] < CLEAR]
    if not low:
        return ""
    told = ", ".join(f"{clear[number]:.0%}" for number in low)
    where = ""
    if len(outcome.symmetry) > 1:
        places = [str(place) for place, number in enumerate(_order(outcome), 1) if number in low]
        where = f"class{'es' * (len(low) > 1)} {', '.join(places)}: "
    return (
        f"{where}an image's best pose has {told} of its posterior (mean): many are not right yet, and half maps "
        f"that share their start and its errors agree further than either is right; a refinement shows if they settle"
    )


def doubt(given: Given, outcome: Outcome) -> str:
    """What speaks against the result, or nothing: halves that agree no further than the map that both began from, or
    poses that are not known.
    """
    if not stuck(outcome.state, outcome.band, given.images.band.radius):
        return unsure(outcome)
    shell = shell_of(outcome.state)
    return (
        f"the half maps agree to {given.images.resolution_of(shell):.0f} A, no further than what both began from: "
        "this may not be the particle; look at it, and try more particles or --seeds"
    )


def draw(path: Path, given: Given, outcome: Outcome) -> None:
    """Slices and projections of the map; of several, each with its share, resolution and FSC."""
    from spa.class3d.apart import entropy
    from spa.plot.classes3d import maps_of_classes
    from spa.plot.figure import save
    from spa.plot.maps import sections

    state, order = outcome.state, _order(outcome)
    volumes = final_maps(given, state)[order]
    if len(volumes) == 1:
        title = f"from nothing, {outcome.symmetry[0]}, {resolution(given, outcome):.1f} Å"
        return save(sections(volumes[0], given.stack.pixel_size, title), path)
    assert state.shares is not None
    titles = [f"{place}: {_told(given, outcome, number, 'Å')}" for place, number in enumerate(order, 1)]
    curves = np.zeros((len(order), state.curves.shape[1]))
    curves[order < len(state.curves)] = state.curves[order[order < len(state.curves)]]
    unsure = np.maximum(entropy(state.shares), 0)
    return save(maps_of_classes(volumes, titles, curves, given.stack.pixel_size, unsure), path)
