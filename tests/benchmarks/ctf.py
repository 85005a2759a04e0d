"""How well `ctf patch` does where the truth is known: ``python tests/benchmarks/ctf.py [N] [SIZE] [SEED]``.

N micrographs (40) of SIZE² pixels (3072): defocus 0.4 - 3 um, astigmatism 0 - 1000 A, a phase plate in every third,
tilt 0 - 30 degrees, 200 or 300 kV, thickness 20 - 120 nm, pixels of 0.7 - 1.6 A, ice over shot noise. Printed for each:
truth and error of mean defocus, astigmatism, phase shift, tilt and thickness, fit resolution, evidence, CPU seconds.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np

from spa.ctffit.fit import Fit, fit_ctf
from spa.ctffit.quality import CERTAIN, UNSURE
from spa.ctffit.search import Bounds
from spa.image.ctf import Lens
from spa.simulate.slab import Slab, View, seen_ice


@dataclass(frozen=True)
class Truth:
    """One micrograph: how it is seen, the ice, pixel size in angstroms, ice's power over shot noise."""

    view: View
    slab: Slab
    pixel_size: float
    signal: float


def drawn(number: int, rng: np.random.Generator) -> Truth:
    """The truth of a micrograph."""
    mean, astigmatism = rng.uniform(4000, 30000), rng.uniform(0, 1000)
    lens = Lens(float(rng.choice([200.0, 300.0])), 2.7, 0.1)
    phase = np.radians(rng.uniform(10, 150)) if number % 3 == 2 else 0.0
    half, angle, bfactor = astigmatism / 2, rng.uniform(0, np.pi), rng.uniform(30, 120)
    view = View(lens, mean + half, mean - half, angle, phase, bfactor)
    slab = Slab(np.radians(rng.uniform(0, 30)), rng.uniform(0, 2 * np.pi), rng.uniform(200, 1200))
    return Truth(view, slab, rng.uniform(0.7, 1.6), np.exp(rng.uniform(np.log(0.1), np.log(0.5))))


def made(truth: Truth, size: int, rng: np.random.Generator) -> np.ndarray:
    """The micrograph (size, size)."""
    image = np.sqrt(truth.signal) * seen_ice(truth.slab, truth.view, (size, size), truth.pixel_size, rng)
    return image + rng.standard_normal((size, size), np.float32)


def turned(found: float, planted: float, period: float) -> float:
    return float((found - planted + period / 2) % period - period / 2)


def errors(truth: Truth, fit: Fit) -> dict[str, float]:
    """By name: angstroms and degrees."""
    view, defocus, slab = truth.view, fit.defocus, truth.slab
    return {
        "mean": defocus.mean - (view.u + view.v) / 2, "astigmatism": defocus.u - defocus.v - (view.u - view.v),
        "angle": np.degrees(turned(defocus.angle, view.angle, np.pi)),
        "phase": np.degrees(defocus.phase_shift - view.phase_shift),
        "tilt": fit.tilt - np.degrees(slab.tilt), "axis": turned(fit.tilt_axis, np.degrees(slab.axis), 360),
        "thickness": fit.thickness - slab.thickness,
    }  # fmt: skip


def main(count: int = 40, size: int = 3072, seed: int = 0) -> None:
    rows = []
    for number in range(count):
        truth = drawn(number, np.random.default_rng([seed, number]))
        image = made(truth, size, np.random.default_rng([seed, number, 1]))
        start = time.process_time()
        view = truth.view
        plate = (0.0, np.pi) if view.phase_shift else (0.0, 0.0)
        bounds = Bounds(30, 5 if truth.pixel_size > 1.2 else 4, phase_shift=plate)
        fit = fit_ctf(image, truth.pixel_size, view.lens, bounds)
        found = errors(truth, fit) | {"seconds": time.process_time() - start, "sure": fit.evidence}
        found["error"] = fit.error
        rows.append(found)
        print(f"{number:2d} {view.lens.voltage:.0f}kV {truth.pixel_size:.2f}A snr {truth.signal:.2f} "
              f"B{view.bfactor:3.0f} df {(view.u + view.v) / 2:6.0f} {found['mean']:+6.0f}  "
              f"ast {view.u - view.v:4.0f} {found['astigmatism']:+5.0f} "
              f"{found['angle']:+4.0f}°  ph {np.degrees(view.phase_shift):4.0f} {found['phase']:+4.0f}  "
              f"tilt {np.degrees(truth.slab.tilt):4.1f} {found['tilt']:+5.1f} {found['axis']:+4.0f}°  "
              f"t {truth.slab.thickness:4.0f} {found['thickness']:+5.0f}  {fit.resolution:5.2f} A  "
              f"{fit.evidence:6.0f} nats ±{fit.error:4.0f} A {found['seconds']:.2f} s", flush=True)  # fmt: skip
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        known = np.abs(values[np.isfinite(values)])
        if not len(known):
            print(f"{name:12s} known in none")
            continue
        print(f"{name:12s} median |{np.median(known):.2f}|, 90 % |{np.quantile(known, 0.9):.2f}|, "
              f"worst |{known.max():.2f}|, known in {len(known)}")  # fmt: skip
    wrong = [number for number, row in enumerate(rows) if abs(row["mean"]) > 500 and row["sure"] >= CERTAIN
             and row["error"] <= UNSURE]
    print(f"gross failures that nothing tells of: {wrong or 'none'}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
