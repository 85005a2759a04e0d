"""The loop over movies: how many at once there is memory for, each aligned, summed and written."""

import threading
from contextlib import nullcontext
from typing import Any

import numpy as np

from spa.errors import UsageError
from spa.io import movies
from spa.io.star import Tables
from spa.job import memory
from spa.job.micrographs import file_names
from spa.job.run import Run
from spa_plugins.motion_patch import inputs, results
from spa_plugins.motion_patch.camera import References
from spa_plugins.motion_patch.inputs import Entry, Settings
from spa_plugins.motion_patch.movie import Pixels, chosen, done, memory_for

ROOM = 0.8  # of the free memory


class Gate:
    """Lets as many movies in at once as there is memory for, by the first movie's plan."""

    def __init__(self, run: Run) -> None:
        self._run, self._lock = run, threading.Lock()
        self._gate: threading.BoundedSemaphore | None = None
        self.hold = True

    def plan(self, movie: movies.Movie, settings: Settings, entry: Entry) -> Any:
        """A context to work in. DeviceError where not even one movie fits."""
        with self._lock:
            if self._gate is None:
                need = memory_for(movie, settings, entry.exposure)
                free = memory.available()
                room = need.held if free is None else int(ROOM * free)
                self.hold = need.held <= room
                one = need.held if self.hold else need.again
                memory.require(one, f"{movie.path}: aligning {movie.count} frames")
                count = max(1, min(self._run.threads, room // one)) if free is not None else self._run.threads
                self._gate = threading.BoundedSemaphore(count)
                how = "frames held" if self.hold else "frames read again when needed"
                self._run.say(f"{one / 2**30:.2f} GiB a movie ({how}), {count} at once")
        return self._gate or nullcontext()


def summed(run: Run, tables: Tables, settings: Settings, said: dict[str, Any]) -> Tables:
    """``data_micrographs`` of the movies that could be aligned."""
    entries = inputs.entries(tables, said)
    if settings.dose_weight and any(not entry.camera.dose for entry in entries):
        raise UsageError("the table does not say the dose of a frame; say --dose, or --no-dose-weight")
    assert run.outdir is not None
    names = [entry.name for entry in entries]
    places = file_names(run.outdir, names, "")
    references = References(run, {entry.camera.gain or "": entry.optics.pixel_size for entry in entries})
    if any(entry.camera.gain is None and entry.name.lower().endswith(".eer") for entry in entries):
        run.warn("EER movies without a gain: the camera's pattern stays in the sums")
    for name in sorted({name for entry in entries for name in (entry.camera.gain, entry.camera.defects) if name}):
        run.input(name)
    gate = Gate(run)

    def work(entry: Entry) -> dict[str, Any]:
        camera = entry.camera
        movie = movies.read(entry.name, camera.fraction, camera.upsample)
        bounds = chosen(movie, settings)
        reference = references.get(camera, movie.shape, movie.events is not None)
        with gate.plan(movie, settings, entry):
            source = Pixels(movie, reference, bounds, gate.hold)
            references.compare(camera, source.total, reference)
            result = done(source, settings, entry.exposure)
            return results.written(entry, result, settings, places[entry.name], reference.name, movie.count)

    found = list(run.each(entries, work, lambda entry: entry.name, "movie"))
    _summary(run, [one for _, one in found])
    return results.finished(tables, found, settings)


def _summary(run: Run, found: list[dict[str, Any]]) -> None:
    def median(name: str) -> float:
        return float(np.median([one["columns"][name] for one in found]))

    total, early = median("rlnAccumMotionTotal"), median("rlnAccumMotionEarly")
    local = np.median([one["local"] for one in found])
    run.summary(f"{len(found)} movies, motion {total:.1f} A ({early:.1f} A early); at the end places of the frame are "
                f"{local:.2f} A apart (medians)")  # fmt: skip
