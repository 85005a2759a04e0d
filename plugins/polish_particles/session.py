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
from spa.polish import windows
from spa.polish.sums import Images
from spa.polish.tracks import Prior
from spa.polish.training import trained
from spa.polish.weights import Weights
from spa.recipe import motion
from spa.recipe.motion import Motion
from spa.recipe.optics import Given, scales, scene_of, who_of
from spa_plugins.polish_particles import frames, movie, results
from spa_plugins.polish_particles.frames import Kind
from spa_plugins.polish_particles.inputs import Entry, Settings, session
from spa_plugins.polish_particles.movie import Reference
from spa_plugins.polish_particles.sizes import Sizes, sizes

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
    firsts, now = reference.session.firsts(), Sizes(here.band.box, here.pixel_size)
    made = sizes(settings, now, firsts)
    if settings.reach > reference.width / 2:
        raise UsageError(f"--reach {settings.reach:g}: images are {reference.width:g} A wide; half of it at most")
    _plan(run, reference, firsts, made)
    prior = _prior(run, reference, settings)
    star.write(results.prior_table(prior), run.outdir / PRIOR)
    tracks = file_names(run.outdir / "tracks", [entry.name for entry in entries], "_tracks.star")

    def follow(entry: Entry) -> dict[str, Any]:
        return _followed(reference, entry, prior, settings, tracks[entry.name])

    found = list(run.each(entries, follow, lambda entry: entry.name, "movie"))
    for text in (text for _, one in found for text in one["errors"]):
        run.leave_out(DataError(text))
    weights = frames.weights([one for _, one in found], settings.weights)
    if settings.weights == "data":
        star.write(results.bfactors(weights), run.outdir / "bfactors.star")
    stacks = file_names(run.outdir, [entry.name for entry, _ in found], ".mrcs")

    def add(item: tuple[Entry, dict[str, Any]]) -> dict[str, Any]:
        return _summed(*item, weights, settings, made, stacks[item[0].name])

    summed = [one for _, one in run.each(found, add, lambda item: item[0].name, "movie")]
    shown = _panels(found, weights)
    for _, one in found:
        for name in (one["own"], one["agreed"]):
            Path(name).unlink(missing_ok=True)
    square, counts = [one["stray"] ** 2 for _, one in found], [len(one["rows"]) for _, one in found]
    stray = float(np.sqrt(np.average(square, weights=counts)))
    run.summary(f"{sum(len(one['rows']) for one in summed)} particles in {len(summed)} movies, {stray:.2f} A from the "
                f"motion that was known (rms)")  # fmt: skip
    return Made(results.tables_of(reference, summed, made), shown)


def _plan(run: Run, reference: Reference, firsts: list[Motion], made: Sizes) -> None:
    """Refuse at the start what does not fit."""
    most = max(len(entry.rows) for entry in reference.session.entries)
    one, count = max((_bytes(reference, first, most, made), len(first.numbers)) for first in firsts)
    memory.require(run.threads * one + 2**28, f"{most} particles of {count} frames, {run.threads} at once")
    run.say(f"{one / 2**30:.2f} GiB a movie, {run.threads} at once")


def _bytes(reference: Reference, first: Motion, most: int, made: Sizes) -> int:
    """What a movie with so many particles takes."""
    band, cut = reference.block(first.pixel_size), made.cut(first.pixel_size)
    windows_ = windows.bytes_for(most, len(first.numbers), band.side, band.radius)
    images = 24 * most * band.side**2 + 8 * most * (2 * band.radius + 1) * (band.radius + 1)
    sums = most * cut.inner**2 * (20 if cut.step else 12) + windows.BATCH * 12 * cut.box**2
    return 12 * first.shape[0] * first.shape[1] + max(windows_ + images, sums)


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
            "kind": Kind.of(made.motion), "width": made.store.band.side * pixel, "signal": round(made.signal, 4),
            "stray": round(stray, 4), "errors": [str(error) for error in errors]}  # fmt: skip


def _summed(
    entry: Entry, one: dict[str, Any], weights: dict[Kind, Weights | None], settings: Settings, made: Sizes, path: Path
) -> dict[str, Any]:  # fmt: skip
    """Read a movie again and write its particles."""
    found, rows = entry.read(), np.array(one["rows"], np.int64)
    cut, crop = made.cut(found.pixel_size), made.crop
    places = entry.places[np.searchsorted(entry.rows, rows)]
    centres = np.floor(places + 0.5)  # whole pixels of the micrograph
    moved = found.displacements(places * found.binning) + np.load(one["own"])
    images = Images(len(rows), cut.box, cut.inner)
    k = np.linspace(0, 0.75 * cut.inner, 1024) / (cut.box * found.pixel_size)
    kind = Kind.read(one["kind"])
    curves = frames.at(kind, weights[kind], k)
    for number, frame in enumerate(motion.frames(found)):
        weight = np.interp(images.radius, k * cut.box * found.pixel_size, curves[number])
        images.add(frame, centres * found.binning + moved[:, number], weight)
    done = np.sign(one["signal"]) * cut.finished(images.finished(), crop)
    done = normalised(done, settings.background * crop / 2)
    kind = np.float16 if settings.float16 else np.float32
    with mrc.StackWriter(path, len(rows), crop, made.pixel_size, kind) as writer:
        writer.write(done)
    names = [image_name(number, path) for number in range(len(rows))]
    return {"rows": rows.tolist(), "stack": str(path), "pixels": (found.pixel_size, entry.pixel_size), "names": names,
            "centres": centres.tolist(), "rest": ((centres - places) * entry.pixel_size).round(6).tolist()}  # fmt: skip


def _panels(found: list[tuple[Entry, dict[str, Any]]], weights: dict[Kind, Weights | None]) -> tuple[Any, ...]:
    """Of a movie in the middle of the session its particles' places and own tracks, and all weights."""
    entry, one = found[len(found) // 2]
    motion_, own = entry.read(), np.load(one["own"])
    rows = np.searchsorted(entry.rows, one["rows"])
    places = entry.places[rows] * motion_.binning
    known = motion_.displacements(places)
    kinds = [(np.array(kind.numbers) + 1, one) for kind, one in weights.items() if one is not None]
    return Path(entry.name).stem, motion_.shape, places, known * motion_.pixel_size, own * motion_.pixel_size, kinds
