"""Error and time of `spa post local` on half maps whose local resolution is known, and of RELION's.

    python local_resolution.py [--relion] [--box 96] [--pixel-size 1.5] [--seed 1] [--case NAME ...] [--model FILE]

Each map has a resolution that runs from 4 to 12 A over its particle in its own way. In `cut` ones detail beyond the
local resolution is taken away, and noise is even; in `fall` ones nothing is taken away, and noise grows with frequency,
the faster the coarser the place: there the local FSC falls to 0.143 at the local resolution. The particle is a phantom
or a model (--model), or random grain whose spectrum is everywhere the same (then the truth is exact).
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from spa.image import fft
from spa.io import atoms, mrc
from spa.volume.density import density
from spa.volume.localfilter import EDGE, local_lowpass
from spa.volume.masks import distances, soft_mask, soft_sphere
from spa.volume.phantom import phantom
from spa.volume.shells import apply_radial, power, radii

FINE, COARSE = 4.0, 12.0  # angstroms
CASES = ("cut gradient grain", "fall gradient grain", "cut radial model", "fall radial model", "fall patches grain",
         "cut gradient model", "fall gradient model", "cut patches grain")  # fmt: skip


def run_over(kind: str, n: int, radius: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth field (n, n, n) of resolutions; its logarithm goes along x, along the radius, or about at random."""
    x = np.broadcast_to((np.arange(n) - n // 2) / radius, (n,) * 3)
    if kind == "gradient":
        part = (x + 1) / 2
    elif kind == "radial":
        part = distances(n) / radius
    else:
        r = radii(n) / n * 2.5 * radius  # waves of about a radius
        part = fft.irfft3(fft.rfft3(rng.standard_normal((n,) * 3)) * np.exp(-(r**2) / 2), n)
        inside = distances(n) < radius
        part = (part - part[inside].min()) / np.ptp(part[inside])
    return (FINE * (COARSE / FINE) ** np.clip(part, 0, 1)).astype(np.float32)


def signal_of(kind: str, args: argparse.Namespace, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A particle of unit deviation, its spectrum flat from 15 A on, and its mask."""
    n, pixel = args.box, args.pixel_size
    if kind == "grain":
        mask = soft_sphere(n, 0.36 * n, 4)
        return (rng.standard_normal((n,) * 3) * mask).astype(np.float32), mask
    if args.model:
        made = atoms.read(args.model)
        zyx = (made.positions - made.positions.mean(0)) * 1.0
        volume = density(zyx, np.full(len(zyx), 20.0), made.occupancies, made.kinds, made.scattering, n, pixel)
    else:
        drawn = phantom("C1", 0.72 * n * pixel, rng, 20.0)
        volume = density(drawn.positions, drawn.bfactors, drawn.occupancies, drawn.kinds, drawn.scattering, n, pixel)
    mask, _ = soft_mask(volume, pixel, extend=3.0, edge=6.0)
    own = np.sqrt(np.maximum(power(volume), 1e-30))
    from_15 = max(3, round(n * pixel / 15))
    flat = np.where(np.arange(len(own)) > from_15, own[from_15] / own, 1)
    volume = apply_radial(volume, flat) * mask
    return volume / volume[mask > 0.5].std(), mask


def half_maps(case: str, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two half maps, the mask, and the local resolution that they have."""
    rng = np.random.default_rng([args.seed, CASES.index(case)])
    how, kind, what = case.split()
    n, pixel = args.box, args.pixel_size
    signal, mask = signal_of(what, args, rng)
    field = run_over(kind, n, 0.36 * n, rng)
    per = np.sqrt(np.maximum(power(signal), 1e-30) / (float((mask**2).mean()) * n**3))  # amplitudes of a box full of it
    if how == "cut":
        level = per[round(n * pixel / 10)] / 5  # a signal-to-noise ratio of 25
        signal = local_lowpass(signal, pixel, field)
        noise = [level * rng.standard_normal((n,) * 3) for _ in range(2)]
        left = level / np.sqrt(6) / per[round(n * pixel / 10)]  # of the amplitude, where the FSC is 0.143
        field = field / np.float32(1 - EDGE + 2 * EDGE * np.arccos(2 * left - 1) / np.pi)
    else:
        curve = per * np.sqrt(6) * (np.arange(len(per)) / (n * pixel)) ** 2
        noise = [field**2 * apply_radial(rng.standard_normal((n,) * 3), curve) for _ in range(2)]
    return *(np.asarray(signal + one, np.float32) for one in noise), mask, field


def timed(words: list[object], folder: Path) -> float:
    """CPU seconds of a program."""

    def spent() -> float:
        return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    start = spent()
    done = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words[0]}: status {done.returncode}\n{done.stderr[-2000:]}{done.stdout[-1000:]}")
    return spent() - start


def compared(case: str, args: argparse.Namespace, folder: Path) -> None:
    """Median error in the mask of each program, and its CPU seconds."""
    first, second, mask, field = half_maps(case, args)
    for name, volume in (("half1_class001_unfil", first), ("half2_class001_unfil", second), ("mask", mask)):
        mrc.write(folder / f"run_{name}.mrc", volume, args.pixel_size)
    halves = [f"run_half{one}_class001_unfil.mrc" for one in (1, 2)]
    words = ["spa", "post", "local", "--half1", halves[0], "--half2", halves[1], "--mask", "run_mask.mrc", "-d", "spa",
             "-o", "out.star", "--threads", 1]  # fmt: skip
    found = {"spa": (timed([*words, *args.more], folder), folder / "spa" / "local.mrc")}
    if args.relion:
        words = ["relion_postprocess", "--locres", "--i", halves[0], "--i2", halves[1], "--angpix",
                 args.pixel_size, "--o", "relion"]  # fmt: skip
        found["relion"] = (timed(words, folder), folder / "relion_locres.mrc")
    inside = mask > 0.5
    for program, (took, path) in found.items():
        off = (mrc.read(path).data - field)[inside]
        parts = [float(np.median(off[(field[inside] >= low) & (field[inside] < low * 3**0.25)]))
                 for low in np.geomspace(FINE, COARSE, 5)[:-1]]  # fmt: skip
        middle, most = np.quantile(np.abs(off), (0.5, 0.9))
        print(f"{case:20} {program:7} median error {middle:.2f} A, 90% {most:.2f}, "
              f"bias {' '.join(f'{one:+.2f}' for one in parts)}, {took:.1f} CPU s", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--relion", action="store_true")
    parser.add_argument("--box", type=int, default=96)
    parser.add_argument("--pixel-size", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--model", help="PDB or mmCIF of the particle, in place of a phantom")
    parser.add_argument("more", nargs="*", help="options of `spa post local`, after --")
    args = parser.parse_args()
    for case in args.case or CASES:
        with tempfile.TemporaryDirectory() as name:
            compared(case, args, Path(name))


if __name__ == "__main__":
    main()
