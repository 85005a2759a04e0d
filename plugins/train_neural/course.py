"""The whole job: read, hold out, train, judge, train once more."""

from dataclasses import dataclass

import numpy as np

from spa.errors import UsageError
from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.recipe import picker, torch_device
from spa.recipe.picker import Picker
from spa.recipe.picks import gathered
from spa_plugins.train_neural import reading, training
from spa_plugins.train_neural.samples import Sample
from spa_plugins.train_neural.training import Course, Curve

MORE = 1.2  # particles for each pick, where it is not said how many there are
FOUND = 0.5  # of the picks: a picker that finds fewer has not learned what was picked
SHOWN = 8  # micrographs that are judged after each epoch


@dataclass(frozen=True)
class Plan:
    """The options of the job; diameter in angstroms."""

    diameter: float
    expected: float | None
    start: str | None
    fresh: bool
    epochs: int
    rate: float
    slack: float
    validation: float
    refit: bool
    white: bool


@dataclass(frozen=True, eq=False)
class Trained:
    """The picker; (epochs, 4) epoch, loss, recall and picks for each label; the curve at the end, and on what."""

    picker: Picker
    history: np.ndarray
    curve: Curve
    judge: str
    said: str

    def write(self, path: str) -> None:
        picker.write(self.picker, path)

    def tables(self) -> Tables:
        """The history as ``data_training``."""
        epoch, loss, recall, picks = self.history.T
        table = Table.of(spaEpoch=epoch.astype(int), spaLoss=loss.round(6), spaRecall=recall.round(4),
                         spaPicksPerLabel=picks.round(4))  # fmt: skip
        return Tables({"training": table}, [])

    def summary(self) -> str:
        best = self.curve.best
        return (f"recall {self.curve.recall[best]:.2f} at {self.curve.picks[best]:.2f} picks for each label on "
                f"{self.judge}; {self.said}; threshold {self.picker.threshold:.2f}")  # fmt: skip


def trained(run: Run, star: str, picks: str | None, plan: Plan) -> Trained:
    """The picker that the plan makes of micrographs and picks."""
    device = torch_device.named(run.device)
    tables = run.read(star)
    if picks is None and "particles" not in tables.blocks:
        raise UsageError(f"{tables.source} has no picks (data_particles) in it: give --picks")
    labels = (gathered(run, run.read(picks)) if picks else tables)["particles"]
    known = None if plan.fresh else picker.read(plan.start)
    every = reading.samples(run, tables, labels, plan.diameter, plan.white)
    every = training.with_expected(every, plan.expected, MORE)
    seen, held = training.apart(every, plan.validation, run.rng("validation"))
    start = None if known is None else known.weights
    history, weights = _course(run, seen, held or seen, start, plan, "training")
    curve = training.judged(held or seen, weights, run.threads, device)
    judge = f"{len(held)} micrographs held out" if held else f"the {len(seen)} micrographs that it was trained on"
    if curve.recall[curve.best] < FOUND:
        run.warn(f"it finds {curve.recall[curve.best]:.0%} of the picks on {judge}: are they centres of particles, in "
                 "pixels of these micrographs?")  # fmt: skip
    least = float(curve.threshold[curve.best])
    if held and plan.refit:
        _, weights = _course(run, every, [], start, plan, "training on all")
        least = min(least, training.judged(held, weights, run.threads, device).of_rank(curve.best))
    count = sum(len(sample.picks) for sample in every)
    said = f"{count} picks on {len(every)} micrographs"
    return Trained(Picker(weights, plan.diameter, round(least, 3), plan.white), history, curve, judge, said)


def _course(
    run: Run, samples: list[Sample], judges: list[Sample], start, plan: Plan, label: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:  # type: ignore[no-untyped-def]
    course = Course(plan.epochs, plan.rate, plan.slack, run.threads, torch_device.named(run.device))
    history = []
    weights: dict[str, np.ndarray] = {}
    steps = training.epochs(samples, start, course, run.rng("training"))
    for epoch, (loss, weights) in enumerate(run.progress(steps, plan.epochs, "epoch", label), 1):
        if not judges:
            continue
        curve = training.judged(judges[:SHOWN], weights, run.threads, course.device)
        best = curve.best
        history.append((epoch, loss, curve.recall[best], curve.picks[best]))
        run.say(f"epoch {epoch}: loss {loss:.4f}, recall {curve.recall[best]:.3f} "
                f"at {curve.picks[best]:.2f} picks for each label")  # fmt: skip
    return np.array(history).reshape(-1, 4), weights
