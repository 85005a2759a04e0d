"""Stage by stage: scales, the prior, tracks of all movies, weights of frames, and the particles summed anew."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, SpaError, UsageError
from spa.image.normalise import normalised
from spa.io import mrc, star
from spa.io.stacks import image_name
from spa.io.star import Tables
from spa.io.whole import whole
from spa.job import memory, pool
from spa.job.micrographs import file_names
from spa.job.run import Run
from spa.motion import dose
from spa.polish import windows
from spa.polish.sums import Images
from spa.polish.tracks import Prior
from spa.polish.training import trained
from spa.polish.weights import Weights, fitted
from spa.recipe import motion
from spa.recipe.motion import Motion
from spa.recipe.optics import Given, scales, scene_of, who_of
from spa_plugins.polish_particles import movie, results
from spa_plugins.polish_particles.inputs import Entry, Settings, session
from spa_plugins.polish_particles.movie import Reference

PRIOR = "prior.star"
HELD = 2**31  # bytes of log-likelihoods that training may hold


@dataclass(frozen=True, eq=False)
class Made:
    """The document, and what a figure shows."""

    tables: Tables
    panels: tuple[Any, ...]


def polished(run: Run, given: Given, beside: Tables, settings: Settings) -> Made:
    """The whole job but writing its table."""
    assert run.outdir is not None
    here, who = scene_of(run, given), who_of(given.stack)
    reference = Reference(given, here, who, scales(run, given, here, who), session(given, beside))
    for error in reference.session.errors:
        run.leave_out(error)
    entries = reference.session.entries
    first = entries[0].read(reference.session.pixel_size)
    box, crop = _sizes(settings, reference, first)
    _plan(run, reference, first, box, crop)
    prior = _prior(run, reference, settings)
    star.write(results.prior_table(prior), run.outdir / PRIOR)
    tracks = file_names(run.outdir / "tracks", [entry.name for entry in entries], "_tracks.star")

    def follow(entry: Entry) -> dict[str, Any]:
        return _followed(reference, entry, prior, settings, tracks[entry.name])

    found = list(run.each(entries, follow, lambda entry: entry.name, "movie"))
    for text in (text for _, one in found for text in one["errors"]):
        run.leave_out(DataError(text))
    weights = _weights(found, settings)
    if settings.weights == "data":
        star.write(results.bfactors(weights), run.outdir / "bfactors.star")
    stacks = file_names(run.outdir, [entry.name for entry, _ in found], ".mrcs")

    def add(item: tuple[Entry, dict[str, Any]]) -> dict[str, Any]:
        return _summed(reference, *item, weights, settings, (box, crop), stacks[item[0].name])

    summed = [one for _, one in run.each(found, add, lambda item: item[0].name, "movie")]
    shown = _panels(reference, found, weights)
    for _, one in found:
        for name in (one["own"], one["agreed"]):
            Path(name).unlink(missing_ok=True)
    square, counts = [one["stray"] ** 2 for _, one in found], [len(one["rows"]) for _, one in found]
    stray = float(np.sqrt(np.average(square, weights=counts)))
    run.summary(f"{sum(len(one['rows']) for one in summed)} particles in {len(summed)} movies, {stray:.2f} A from the "
                f"motion that was known (rms)")  # fmt: skip
    return Made(results.tables_of(reference, summed, first, box, crop), shown)


def _sizes(settings: Settings, reference: Reference, first: Motion) -> tuple[int, int]:
    """Box in pixels of the movie, and what it is cropped to."""
    box = settings.box or reference.block(first.pixel_size).side
    crop = settings.crop or (box if settings.box else min(box, reference.scene.band.box))
    if crop > box:
        raise UsageError(f"--crop {crop} is larger than the box of {box} pixels")
    if box > min(first.shape):
        raise UsageError(f"--box {box} is larger than a movie's {first.shape[1]} x {first.shape[0]} pixels")
    return box, crop


def _plan(run: Run, reference: Reference, first: Motion, box: int, crop: int) -> None:
    """Refuse at the start what does not fit."""
    band, most = reference.block(first.pixel_size), max(len(entry.rows) for entry in reference.session.entries)
    frame = 12 * first.shape[0] * first.shape[1]
    windows_ = windows.bytes_for(most, len(first.numbers), band.side, band.radius)
    images = 24 * most * band.side**2 + 8 * most * (2 * band.radius + 1) * (band.radius + 1)
    sums = most * crop**2 * 12 + windows.BATCH * 12 * box**2
    one = frame + max(windows_ + images, sums)
    memory.require(run.threads * one + 2**28, f"{most} particles of {len(first.numbers)} frames, {run.threads} at once")
    run.say(f"{one / 2**30:.2f} GiB a movie, {run.threads} at once")


def _prior(run: Run, reference: Reference, settings: Settings) -> Prior:
    """The one that is given, or learnt from some movies; kept in DIR."""
    assert run.outdir is not None
    path = run.outdir / "state.prior.json"
    if not settings.train:
        return settings.prior
    if run.resume and path.exists():
        return Prior(**json.loads(path.read_text()))
    entries = _sample(reference.session.entries, settings.train)

    def work(entry: Entry) -> Any:
        errors: list[SpaError] = []  # named when tracks are found
        made = movie.seen(reference, entry, errors)
        return movie.pair(made, settings.reach / made.motion.pixel_size)

    pairs, held = [], 0
    for _, result in run.progress(pool.ordered(entries, work, run.threads, run.checkpoint, 1), len(entries), "movie"):
        try:
            pairs.append(result())
        except SpaError:  # it is named when tracks are found
            continue
        held += pairs[-1].coarse.splines.nbytes + pairs[-1].fine.splines.nbytes
        if held > HELD:
            break
    if not pairs:
        raise DataError("none of the movies from which the prior is to be learnt can be read")
    with pool.mapping(run.threads) as mapped:
        prior, before, after = trained(pairs, settings.prior, mapped)
    run.say(f"fine detail agrees by {after:.0f} along tracks of the prior that was learnt from {len(pairs)} movies, by "
            f"{before:.0f} along those of the start")  # fmt: skip
    with whole(path) as part:
        part.write_text(json.dumps(asdict(prior)))
    return prior


def _sample(entries: list[Entry], particles: int) -> list[Entry]:
    """Movies spread evenly over the session, until they have as many particles."""
    total = sum(len(entry.rows) for entry in entries)
    count = max(1, min(len(entries), round(len(entries) * particles / max(total, 1))))
    return [entries[number] for number in np.linspace(0, len(entries) - 1, count).round().astype(int)]


def _followed(reference: Reference, entry: Entry, prior: Prior, settings: Settings, path: Path) -> dict[str, Any]:
    """Tracks of one movie, written; and how well its frames agree along them."""
    errors: list[SpaError] = []
    made = movie.seen(reference, entry, errors)
    pixel = made.motion.pixel_size
    own = movie.tracked(made, prior, settings.reach / pixel)
    star.write(results.tracks(made.places, (made.known + own) * pixel), path)
    files = {"own": path.with_name(path.stem + "_own.npy"), "agreed": path.with_name(path.stem + "_agreed.npy")}
    for name, values in (("own", own.astype(np.float32)), ("agreed", movie.agreed(made, own))):
        with whole(files[name]) as part, open(part, "wb") as file:
            np.save(file, values)
    apart = own - own.mean(axis=1, keepdims=True)
    stray = float(np.sqrt((apart**2).sum(-1).mean())) * pixel
    return {"rows": made.rows.tolist(), "tracks": str(path), **{name: str(file) for name, file in files.items()},
            "kind": _kind(made.motion), "width": made.store.band.side * pixel, "signal": round(made.signal, 4),
            "stray": round(stray, 4), "errors": [str(error) for error in errors]}  # fmt: skip


def _kind(found: Motion) -> list[float]:
    """What movies must share whose frames are worth the same: doses, voltage, the frames that are used."""
    return [found.dose, found.before, found.voltage, *map(int, found.numbers)]


def _weights(found: list[tuple[Entry, dict[str, Any]]], settings: Settings) -> dict[tuple, Weights | None]:
    """Of each kind of movie, what its frames are worth; None: as the curve of damage has it."""
    weights: dict[tuple, Weights | None] = {}
    for kind in {tuple(one["kind"]) for _, one in found}:
        same = [one for _, one in found if tuple(one["kind"]) == kind]
        count = len(kind) - 3
        if settings.weights == "none":
            weights[kind] = Weights(np.ones(count), np.zeros(count), np.zeros((count, 2)))
            continue
        if settings.weights == "dose":
            if not kind[0]:
                raise UsageError("--weights dose: the movies' motion does not say the dose of a frame")
            weights[kind] = None
            continue
        total = np.sum([np.load(one["agreed"]) for one in same], axis=0)
        used = np.flatnonzero(total[..., 1].sum(0) > 0)
        k = used / same[0]["width"]
        damage = dose.weights(_doses(kind), k, kind[2]) if kind[0] else np.ones((count, len(k)))
        weights[kind] = fitted(total[:, used], k, damage)
    return dict(sorted(weights.items()))


def _doses(kind: tuple) -> np.ndarray:
    return kind[1] + kind[0] * (np.array(kind[3:]) + 0.5)


def _summed(
    reference: Reference, entry: Entry, one: dict[str, Any], weights: dict[tuple, Weights | None], settings: Settings,
    sizes: tuple[int, int], path: Path,
) -> dict[str, Any]:  # fmt: skip
    """Read a movie again and write its particles."""
    found = entry.read(reference.session.pixel_size)
    (box, crop), rows = sizes, np.array(one["rows"], np.int64)
    places = entry.places[np.searchsorted(entry.rows, rows)]
    centres = np.floor(places + 0.5)  # whole pixels of the micrograph
    moved = found.displacements(places * found.binning) + np.load(one["own"])
    images = Images(len(rows), box, crop)
    k = np.linspace(0, 0.75 * crop, 1024) / (box * found.pixel_size)
    kind = tuple(one["kind"])
    here = weights[kind]
    curves = here.at(k) if here is not None else _by_dose(kind, k)
    for number, frame in enumerate(motion.frames(found)):
        weight = np.interp(images.radius, k * box * found.pixel_size, curves[number])
        images.add(frame, centres * found.binning + moved[:, number], weight)
    done = np.sign(one["signal"]) * images.finished()
    done = normalised(done, settings.background * crop / 2)
    size = found.pixel_size * box / crop
    with mrc.StackWriter(path, len(rows), crop, size, np.float16 if settings.half else np.float32) as writer:
        writer.write(done)
    names = [image_name(number, path) for number in range(len(rows))]
    return {"rows": rows.tolist(), "stack": str(path), "names": names, "centres": centres.tolist(),
            "rest": ((centres - places) * reference.session.pixel_size).round(6).tolist()}  # fmt: skip


def _by_dose(kind: tuple, k: np.ndarray) -> np.ndarray:
    found = dose.weights(_doses(kind), k, kind[2])
    return found / np.sqrt((found**2).sum(axis=0))


def _panels(reference: Reference, found: list[tuple[Entry, dict[str, Any]]], weights: dict) -> tuple[Any, ...]:
    """Of a movie in the middle of the session its particles' places and own tracks, and all weights."""
    entry, one = found[len(found) // 2]
    motion_, own = entry.read(reference.session.pixel_size), np.load(one["own"])
    rows = np.searchsorted(entry.rows, one["rows"])
    places = entry.places[rows] * motion_.binning
    known = motion_.displacements(places)
    kinds = [(np.array(kind[3:]) + 1, one) for kind, one in weights.items() if one is not None]
    return Path(entry.name).stem, motion_.shape, places, known * motion_.pixel_size, own * motion_.pixel_size, kinds
