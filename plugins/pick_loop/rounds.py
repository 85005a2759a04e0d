"""The rounds: picks, classes, positives, a picker; until the yield settles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.io import star
from spa.io.star import Table, Tables
from spa.job.micrographs import entries
from spa.job.run import Run
from spa.model.positions import micrograph_pixel_sizes, positions
from spa_plugins.pick_loop.steps import step

ROOM = 1.6  # box over diameter
PIXELS = 64  # of a stored box, at most
MORE = 1.1  # particles expected for each good one
_CTF = ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle")
FEWEST = 20  # good particles that a picker can be trained from
_KEPT = (
    "steps.txt", "picks.star", "drawn.star", "particles.star", "classes.star", "good.star", "positives.star",
    "training.star", "picker.npz",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The options of the job; lengths in angstroms."""

    diameter: float
    rounds: int
    settled: float
    first: str
    model: str | None
    classes: int | None
    finest: float
    most: int
    threshold: float | None

    def box(self, pixel_sizes: set[float]) -> tuple[str | int, ...]:
        """What `extract particles` is told of boxes, both sides even; images have one pixel size."""
        coarsest = max(pixel_sizes)
        side = 2 * int(np.ceil(ROOM * self.diameter / coarsest / 2))
        stored = min(side, max(PIXELS, 2 * int(np.ceil(1.1 * side * coarsest / self.finest))))
        if len(pixel_sizes) == 1:
            return "--box", side, "--crop", stored
        return "--pixel-size", f"{coarsest * side / stored:.9g}", "--crop", stored

    def class_count(self, particles: int) -> int:
        return self.classes or int(np.clip(particles // 60, 10, 50))


def run_all(run: Run, tables: Tables, plan: Plan) -> Table:
    """``data_particles`` of the last picks. DataError where no class is good."""
    assert run.outdir is not None
    missing = [name for name in _CTF if name not in tables["micrographs"]]
    if missing:
        raise DataError(f"{tables.source}: data_micrographs has no column {missing[0]}, which the classes need: "
                        "run `spa ctf patch` before")  # fmt: skip
    sizes = {entry.optics.pixel_size for entry in entries(tables)}
    micrographs = run.outdir / "micrographs.star"
    if not (run.resume and micrographs.exists()):
        star.write(Tables({name: tables[name] for name in ("optics", "micrographs")}, []), micrographs)
    picks = _picked(run, _folder(run, 0), micrographs, plan, plan.model)
    before: int | None = None
    for number in range(1, plan.rounds + 1):
        folder = _folder(run, number)
        good, sorted_ = _good(run, folder, picks, plan, sizes)
        share = len(good["particles"]) / sorted_
        count = round(share * len(star.read(picks)["particles"]))
        model = _trained(run, folder, micrographs, plan, good, count)
        picks = _picked(run, folder, micrographs, plan, model)
        found = star.read(picks)["particles"]
        run.note(f"round {number}: {count} good particles ({share:.0%} of the picks); picked anew: {len(found)}")
        if before is not None and abs(count - before) <= plan.settled * before:
            break
        before = count
    counts = found.text("rlnMicrographName")
    run.summary(f"{len(found)} picks on {len(set(counts))} micrographs after {number} rounds; {count} in good classes")
    return found


def _trained(run: Run, folder: Path, micrographs: Path, plan: Plan, good: Tables, count: int) -> str:
    """The picker of a round, from particles of good classes; ``count``: what all picks hold, if they are as these."""
    picker, positives = folder / "picker.npz", folder / "positives.star"
    if not (run.resume and positives.exists()):
        star.write(Tables({"particles": centred(good)}, []), positives)
    mean = count / len(set(good["particles"].text("rlnMicrographName")))
    step(run, folder, folder / "training.star", "train", "neural", micrographs, "--picks", positives,
         "--expected", f"{max(1.0, MORE * mean):.4g}", "--diameter", plan.diameter, "--model-out", picker,
         "--seed", run.seed, resumable=False)  # fmt: skip
    return str(picker)


def _folder(run: Run, number: int) -> Path:
    """DIR/roundN, without what another run left in it."""
    folder = run.outdir / f"round{number}"  # type: ignore[operator]
    folder.mkdir(exist_ok=True)
    if not run.resume:
        for name in _KEPT:
            (folder / name).unlink(missing_ok=True)
    return folder


def _picked(run: Run, folder: Path, micrographs: Path, plan: Plan, model: str | None) -> Path:
    """Picks of all micrographs, by a picker or by the first one."""
    output, place = folder / "picks.star", ("-d", folder / "picks")
    if model is None and plan.first == "blob":
        smallest, largest = 0.9 * plan.diameter, 1.1 * plan.diameter
        lowpass = min(20.0, smallest)
        return step(run, folder, output, "pick", "blob", micrographs, *place, "--diameter", smallest, largest,
                    "--lowpass", lowpass)  # fmt: skip
    least = [] if plan.threshold is None or model is None else ["--threshold", plan.threshold]
    given = [] if model is None else ["--model", model]
    return step(run, folder, output, "pick", "neural", micrographs, *place, "--diameter", plan.diameter, *given, *least)


def _good(run: Run, folder: Path, picks: Path, plan: Plan, pixel_sizes: set[float]) -> tuple[Tables, int]:
    """Particles of good classes among the picks, or a part of them drawn at random; and how many were sorted."""
    drawn, boxed, sorted_, good = (folder / f"{name}.star" for name in ("drawn", "particles", "classes", "good"))
    if not (run.resume and drawn.exists()):
        tables = star.read(picks)
        table = tables["particles"]
        if len(table) > plan.most:
            rows = np.sort(run.rng(folder.name).permutation(len(table))[: plan.most])
            table = table.take(rows)
        star.write(tables.with_block("particles", table), drawn)
    step(run, folder, boxed, "extract", "particles", drawn, "-d", folder / "particles", *plan.box(pixel_sizes), "--pad")
    number = len(star.read(boxed)["particles"])
    step(run, folder, sorted_, "classify", "2d", boxed, "-d", folder / "classes", "--diameter", plan.diameter,
         "--classes", plan.class_count(number), "--max-resolution", plan.finest, "--seed", run.seed)  # fmt: skip
    step(run, folder, good, "select", "classes", sorted_, "--auto", resumable=False)
    found = star.read(good)
    if (count := len(found["particles"])) < FEWEST:
        raise DataError(f"{folder.name}: {count} particles in good classes; {FEWEST} are needed to train from: "
                        f"look at {folder / 'classes'}")  # fmt: skip
    return found, number


def centred(tables: Tables) -> Table:
    """Where the particles lie, by the shifts that their classes gave them: micrograph, x and y in its pixels."""
    particles = tables["particles"]
    x, y = positions(particles, micrograph_pixel_sizes(particles, tables["optics"])).T
    return Table.of(rlnMicrographName=particles.text("rlnMicrographName"), rlnCoordinateX=x, rlnCoordinateY=y)
