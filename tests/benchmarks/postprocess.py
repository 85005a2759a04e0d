"""`spa post fsc` and `spa post sharpen` beside `relion_postprocess` on the same half maps, mask and MTF.

    python postprocess.py [--box 96 128] [--pixel-size 1.5 1.1] [--seed 1] [--half1 MRC --half2 MRC --mask MRC]

Half maps are phantoms whose noise grows with frequency, so that the FSC falls to 0.143 at two thirds of Nyquist's
frequency; the mask is `spa post mask`'s; the detector's pixel is smaller than the map's, as of a binned movie. RELION
draws random phases once and is run with several seeds: its own scatter bounds how well a curve can agree. Maps are
compared as ours by our curve with theirs by theirs (whole), and ours by their curve with theirs (arithmetic).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.volume.density import density
from spa.volume.phantom import phantom
from spa.volume.shells import apply_radial, power

SEEDS = 6
LOW = 10.0  # angstroms: the Guinier fit goes from here to two thirds of Nyquist's frequency


def call(folder: Path, *words: object) -> None:
    done = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(
            f"{words[0]} {words[1]} {words[2]}: status {done.returncode}\n{done.stderr[-2000:]}{done.stdout[-999:]}"
        )


def make(folder: Path, n: int, pixel: float, seed: int) -> None:
    """h1.mrc, h2.mrc and mask.mrc."""
    rng = np.random.default_rng([seed, n])
    made = phantom("C1", 0.6 * n * pixel, rng, 40.0)
    volume = density(made.positions, made.bfactors, made.occupancies, made.kinds, made.scattering, n, pixel)
    signal = np.sqrt(power(volume))
    shell = np.arange(len(signal)) / (len(signal) - 1)
    at = len(signal) * 2 // 3
    six = np.sqrt(6)  # times the signal's power there
    noise = signal[at] * six * (0.02 + (shell / shell[at]) ** 2) / np.sqrt(n**3)
    for half in (1, 2):
        grain = apply_radial(rng.standard_normal((n,) * 3).astype(np.float32), noise)
        mrc.write(folder / f"h{half}.mrc", np.asarray(volume + grain, np.float32), pixel)
    call(folder, "spa", "post", "mask", "--map", "h1.mrc", "-d", "M", "-o", "m.star", "-q")
    (folder / "M" / "mask.mrc").rename(folder / "mask.mrc")


def response(folder: Path) -> None:
    """mtf.star: as of a counting detector, finely sampled: RELION takes the first step of a table to be flat."""
    at = np.linspace(0, 0.5, 101)
    value = np.sinc(at) * (0.55 + 0.45 * np.exp(-at / 0.12))
    made = star.Table.of(rlnResolutionInversePixel=at, rlnMtfValue=value)
    star.write(star.Tables({"mtf": made}), folder / "mtf.star")


def compared(folder: Path, pixel: float, words: list[str], name: str) -> None:
    """Both programs on h1.mrc, h2.mrc, mask.mrc, with the options of an MTF or without; prints a line a figure."""
    for seed in range(1, SEEDS + 1):
        (folder / f"r{seed}").mkdir(exist_ok=True)
        call(folder, "relion_postprocess", "--i", "h1.mrc", "--i2", "h2.mrc", "--mask", "mask.mrc", "--angpix", pixel,
             "--auto_bfac", "--autob_lowres", LOW, "--autob_highres", 3 * pixel, "--random_seed", seed,
             *(word.replace("--mtf-pixel-size", "--mtf_angpix") for word in words), "--o", f"r{seed}/run")  # fmt: skip
    halves = ["--half1", "h1.mrc", "--half2", "h2.mrc", "--mask", "mask.mrc", "--threads", 1, "-q"]
    call(folder, "spa", "post", "fsc", *halves, "-d", "F", "-o", "f.star")
    for fsc, out in (("F/fsc.star", "S"), ("r1/run.star", "T")):
        call(folder, "spa", "post", "sharpen", *halves, "--fsc", fsc, "--guinier", LOW, 3 * pixel, *words, "-d", out,
             "-o", "s.star")  # fmt: skip
    ours = star.read(folder / "F" / "fsc.star")["fsc"]
    theirs = [star.read(folder / f"r{seed}" / "run.star")["fsc"] for seed in range(1, SEEDS + 1)]
    parts = []
    for what in ("UnmaskedMaps", "MaskedMaps", "Corrected"):
        column = f"rlnFourierShellCorrelation{what}"
        all_theirs = np.array([one.floats(column) for one in theirs])[:, 1:-1]  # Nyquist's shell is not RELION's
        off = np.abs(ours.floats(column)[1:-1] - all_theirs.mean(0))
        scatter = np.abs(all_theirs - all_theirs.mean(0)).max()
        parts.append(f"{what} {off.max():.4f} (RELION's seeds {scatter:.4f})")
    print(f"{name}: largest difference of curves: {', '.join(parts)}")
    reference = mrc.read(folder / "r1" / "run.mrc").data
    b = [star.read(folder / f"{one}.star")["general"].floats("rlnBfactorUsedForSharpening")[0]
         for one in ("r1/run", "S/guinier", "T/guinier")]  # fmt: skip
    off = [float(np.linalg.norm(mrc.read(folder / one / "sharpened.mrc").data - reference) / np.linalg.norm(reference))
           for one in "ST"]  # fmt: skip
    other = mrc.read(folder / "r2" / "run.mrc").data
    seeds = float(np.linalg.norm(other - reference) / np.linalg.norm(reference))
    print(f"{name}: sharpened maps: whole {off[0]:.4f}, arithmetic {off[1]:.4f} (RELION's two seeds {seeds:.4f}); "
          f"B {b[0]:.1f} RELION's, {b[1]:.1f} and {b[2]:.1f} ours", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--box", type=int, nargs="+", default=[96, 128])
    parser.add_argument("--pixel-size", type=float, nargs="+", default=[1.5, 1.1])
    parser.add_argument("--seed", type=int, default=1)
    for name in ("half1", "half2", "mask"):
        parser.add_argument(f"--{name}", type=Path)
    args = parser.parse_args()
    sets = [None] if args.half1 else list(zip(args.box, args.pixel_size))
    for one in sets:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if one:
                make(folder, *one, args.seed)
            else:
                for to, path in (("h1", args.half1), ("h2", args.half2), ("mask", args.mask)):
                    (folder / f"{to}.mrc").symlink_to(path.resolve())
            pixel = mrc.read(folder / "h1.mrc").pixel_size
            response(folder)
            compared(folder, pixel, [], f"{one or args.half1.name}")
            compared(folder, pixel, ["--mtf", "mtf.star", "--mtf-pixel-size", f"{pixel / 1.25:g}"],
                     f"{one or args.half1.name} with MTF")  # fmt: skip


if __name__ == "__main__":
    main()
