"""What a camera needs: gain and bad pixels, read once for all movies; and the gain tried against them."""

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.io import defects, gain, mrc
from spa.job.run import Run
from spa.motion import orientation
from spa_plugins.motion_patch.inputs import Camera

TRIED = 4  # movies whose sums are tried against a gain


@dataclass(frozen=True, eq=False)
class Reference:
    """gain (ny, nx) float32 or None, 1 where pixels are bad; bad (ny, nx); name: of the file that says this gain.

    inverted: the file was taken for one that divides, as of EER movies.
    """

    gain: np.ndarray | None
    bad: np.ndarray
    name: str | None
    inverted: bool = False


class References:
    """References by file and shape; each is read and, where it was turned, inverted or spread, written once."""

    def __init__(self, run: Run, pixel_sizes: dict[str, float]) -> None:
        self._run, self._lock, self._pixels = run, threading.Lock(), pixel_sizes
        self._known: dict[tuple, Reference] = {}
        self._evidence: dict[tuple, orientation.Evidence] = {}
        self._tried: dict[tuple, int] = {}
        self._said: set[tuple] = set()

    def get(self, camera: Camera, shape: tuple[int, int], eer: bool) -> Reference:
        """The reference for frames of a shape. DataError where it does not fit them."""
        key = (camera.gain, camera.rotate, camera.flip, camera.defects, shape, eer)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._read(camera, shape, eer)
            return self._known[key]

    def _read(self, camera: Camera, shape: tuple[int, int], eer: bool) -> Reference:
        bad = np.zeros(shape, bool) if camera.defects is None else defects.read(camera.defects, shape)
        if camera.gain is None:
            return Reference(None, bad, None)
        found = gain.read(camera.gain, eer)
        turned = gain.fitted(gain.turned(found, camera.rotate, camera.flip), shape, camera.gain)
        name = camera.gain
        plain = not (camera.rotate or camera.flip or turned.shape != found.shape)
        if not plain or eer or Path(name).suffix.lower() not in (".mrc", ".tif", ".tiff"):
            assert self._run.outdir is not None
            name = str(self._run.outdir / f"{Path(camera.gain).stem}_gain{len(self._known) or ''}.mrc")
            mrc.write(name, turned, self._pixels.get(camera.gain, 1.0))
        dead = turned == 0
        return Reference(np.where(dead | bad, np.float32(1), turned), bad | dead, name, gain.divides(camera.gain, eer))

    def compare(self, camera: Camera, total: np.ndarray, reference: Reference) -> None:
        """Try the gain in all eight ways against the sum of a movie's frames; say once what fits better."""
        key = (camera.gain, camera.rotate, camera.flip, total.shape)
        if reference.gain is None or self._tried.get(key, 0) >= TRIED or key in self._said:
            return
        found = orientation.tried(total, reference.gain)
        with self._lock:
            self._tried[key] = self._tried.get(key, 0) + 1
            self._evidence[key] = self._evidence[key] + found if key in self._evidence else found
            verdict = self._evidence[key].verdict()
            if verdict is None or key in self._said:
                return
            self._said.add(key)
        self._run.warn(f"{camera.gain}: {_advice(camera, verdict, reference.inverted)}")


def _advice(camera: Camera, verdict: tuple[int, int, bool], inverted: bool) -> str:
    """What would fit, as options that start from the gain as it is in its file."""
    probe = np.arange(6).reshape(2, 3)
    wanted = gain.turned(gain.turned(probe, camera.rotate, camera.flip), verdict[0], verdict[1])
    rotate, flip = next((r, f) for f in (0, 1, 2) for r in range(4) if _same(gain.turned(probe, r, f), wanted))
    way = f"--gain-rotate {rotate} --gain-flip {flip}"
    if verdict[2] and inverted:
        return (f"the movies say that this gain multiplies ({way}); of EER movies one that divides is wanted, "
                f"1 / gain, or a .gain file")  # fmt: skip
    if verdict[2]:
        return f"the movies say that this gain divides ({way}); a gain that multiplies is wanted, 1 / gain"
    return f"the movies say that the gain lies otherwise: {way} fits them, not what is used"


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape == second.shape and bool((first == second).all())
