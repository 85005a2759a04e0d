"""The loop over movies: how many at once there is memory for, each aligned, summed and written."""

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from spa.errors import UsageError
from spa.image.quantiles import median
from spa.io import movies
from spa.io.star import Tables
from spa.job import memory
from spa.job.micrographs import file_names
from spa.job.run import Run
from spa.motion.ways import HOST
from spa.recipe.device import device_of
from spa_plugins.motion_patch import inputs, results
from spa_plugins.motion_patch.camera import Reference, References
from spa_plugins.motion_patch.inputs import Entry, Settings
from spa_plugins.motion_patch.movie import PROGRAM, Memory, Pixels, Result, chosen, done, memory_beside, memory_for

if TYPE_CHECKING:
    from spa.gpu.device import Device

ROOM = 0.8  # of the free memory
MOST = 0.8  # of what is planned, which all of it hardly comes to


class Gate:
    """Lets as many movies in at once as there is memory for, by the first movie's plan."""

    def __init__(self, run: Run, device: "Device | None") -> None:
        self._run, self._device, self._lock = run, device, threading.Lock()
        self._gate: threading.BoundedSemaphore | None = None
        self.hold = True

    def plan(self, movie: movies.Movie, settings: Settings, entry: Entry) -> Any:
        """A context to work in. DeviceError where not even one movie fits."""
        with self._lock:
            if self._gate is None:
                need = self._need(movie, settings, entry)
                free = memory.available()
                room = need.held if free is None else int(ROOM * free)
                self.hold = need.held <= room
                one = need.held if self.hold else need.again
                memory.require(one, f"{movie.path}: aligning {movie.count} frames")
                count = max(1, min(self._run.threads, room // one)) if free is not None else self._run.threads
                self._gate = threading.BoundedSemaphore(count)
                how = "frames held" if self.hold else "frames read again when needed"
                memory.ready(int(MOST * (one - PROGRAM)))
                self._run.say(f"{one / 2**30:.2f} GiB a movie ({how}), {count} at once")
        return self._gate or nullcontext()

    def _need(self, movie: movies.Movie, settings: Settings, entry: Entry) -> Memory:
        if self._device is None:
            return memory_for(movie, settings, entry.exposure)
        need, there = memory_beside(movie, settings, entry.exposure)
        with self._device.current():
            self._device.require(there, f"{movie.path}: aligning {movie.count} frames")
        return need


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
    for name in inputs.files_there(entries):
        run.input(name)
    device = device_of(run)
    gate = Gate(run, device)

    def work(entry: Entry) -> dict[str, Any]:
        camera = entry.camera
        movie = movies.read(entry.name, camera.fraction, camera.upsample)
        bounds = chosen(movie, settings)
        reference = references.get(camera, movie.shape, movie.events is not None)
        with gate.plan(movie, settings, entry):
            result = _result(device, movie, reference, bounds, gate.hold, entry, settings, references)
            if not result.alignment.seen:
                run.warn(f"{entry.name}: whole frames do not tell how they moved; taken to lie still")
            return results.written(entry, result, settings, places[entry.name], reference.name, movie.count)

    found = list(run.each(entries, work, lambda entry: entry.name, "movie"))
    _summary(run, [one for _, one in found])
    return results.finished(tables, found, settings)


def _result(
    device: "Device | None", movie: movies.Movie, reference: Reference, bounds: tuple[int, int], hold: bool,
    entry: Entry, settings: Settings, references: References,
) -> Result:  # fmt: skip
    """A movie aligned and summed here, or on a device, at which threads take turns once they have read."""
    source: Any
    if device is None:
        source, ways = Pixels(movie, reference, bounds, hold), HOST
    else:
        from spa.motion import ways_cuda
        from spa_plugins.motion_patch import pixels_cuda

        source = pixels_cuda.PixelsOnDevice(device, movie, reference, bounds, hold)
        ways = ways_cuda.on(device)
    with nullcontext() if device is None else device.current():
        references.compare(entry.camera, source.total, reference)
        return done(source, settings, entry.exposure, ways)


def _summary(run: Run, found: list[dict[str, Any]]) -> None:
    total, early = (
        median(np.array([one["columns"][f"rlnAccumMotion{part}"] for one in found])) for part in ("Total", "Early")
    )
    local = median(np.array([one["local"] for one in found]))
    run.summary(f"{len(found)} movies, motion {total:.1f} A ({early:.1f} A early); at the end places of the frame are "
                f"{local:.2f} A apart (medians)")  # fmt: skip
