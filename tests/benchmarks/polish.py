"""Tracks of `spa polish particles` and of RELION's Bayesian polishing against those that were planted, and the maps.

    python polish.py [--pixel-size 1.4] [--voltage 300] [--dose 1.2] [--frames 30] [--stray 3] [--relion] [--keep DIR]

Movies of a phantom whose particles stray from the motion of the ice go the whole way: `motion patch`, `ctf patch`, true
places and poses (origins where a refinement has them, at the middle of each image), `extract particles`, half
maps by `relion_reconstruct`, polishing, and half maps again. With --relion `relion_motion_refine` starts from the same
tables, its parameters learnt (--params3) and as it has them by default. An error is the root mean square over particles
and frames, in angstroms, but for a constant of each particle; the FSC is that of half maps and of their mean with the
truth, in the same mask. Needs RELION's programs.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from spa.io import mrc, star
from spa.io.star import Table
from spa.motion import dose
from spa.recipe import motion
from spa.volume.fsc import fsc

MIDDLE = 10.0  # angstroms: detail that a refinement has centred particles by
KNOWN = ("rlnCoordinateX", "rlnCoordinateY", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


def call(folder: Path, *words: object) -> float:
    """CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words[0]} {words[1]}: status {done.returncode}\n{done.stdout[-999:]}{done.stderr[-2000:]}")
    if done.stderr and words[1] in ("polish", "motion", "ctf"):
        print("   ", done.stderr.strip().splitlines()[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def particles(folder: Path, args: argparse.Namespace) -> None:
    """p.star: boxes about the true places with true poses."""
    words = ["--n", args.movies, "--size", args.size, args.size, "--frames", args.frames, "--dose", args.dose,
             "--pixel-size", args.pixel_size, "--voltage", args.voltage, "--box", args.box, "--symmetry",
             args.symmetry, "--specimen-diameter", args.diameter, "--particles", args.particles, "--stray", args.stray,
             "--stray-length", args.stray_length, "--contrast", args.contrast, "--ice", args.ice,
             "--seed", args.seed]  # fmt: skip
    call(folder, "spa", "simulate", "movies", "-d", "S", "-o", "m.star", *words)
    call(folder, "spa", "motion", "patch", "m.star", "-d", "M", "-o", "motion.star", "--threads", 1)
    call(folder, "spa", "ctf", "patch", "motion.star", "-d", "C", "-o", "ctf.star", "--threads", 1)
    tables, parts = star.read(folder / "ctf.star"), []
    for name in tables["micrographs"].text("rlnMicrographName"):
        known = star.read(folder / "S" / f"{Path(name).stem}_truth.star")["particles"].select(KNOWN)
        parts.append(known.with_columns(rlnMicrographName=str(name), rlnOpticsGroup=1))
    table = Table.concat(parts)
    half = np.random.default_rng(args.seed).permutation(len(table)) % 2 + 1
    star.write(tables.with_block("particles", table.with_columns(rlnRandomSubset=half)), folder / "c.star")
    call(folder, "spa", "extract", "particles", "c.star", "--box", args.box, "--pad", "-d", "P", "-o", "p.star")
    centred(folder, args)
    call(folder, "spa", "post", "mask", "--map", "S/truth.mrc", "-d", "K", "-o", "k.star")


def centred(folder: Path, args: argparse.Namespace) -> None:
    """Origins in p.star as a refinement finds them: where each particle is in its image, not in the first frame."""
    tables = star.read(folder / "p.star")
    table = tables["particles"]
    names, apart = table.text("rlnMicrographName"), np.zeros((len(table), 2))
    doses = args.dose * (np.arange(args.frames) + 1)
    worth = dose.weights(doses, np.array([1 / MIDDLE]), args.voltage)[:, 0] ** 2
    for name in np.unique(names.astype(str)):
        rows = np.flatnonzero(names == name)
        places = np.stack([table.floats(f"rlnCoordinate{axis}")[rows] for axis in "XY"], axis=1)
        known = motion.read(folder / f"M/{Path(name).stem}.star").displacements(places)
        truth = np.load(folder / f"S/{Path(name).stem}_shifts.npy").transpose(1, 0, 2)
        apart[rows] = np.einsum("f,pfa->pa", worth / worth.sum(), truth - known) * args.pixel_size
    moved = table.with_columns(rlnOriginXAngst=-apart[:, 0], rlnOriginYAngst=-apart[:, 1])
    star.write(tables.with_block("particles", moved), folder / "p.star")


def halves(folder: Path, table: str, args: argparse.Namespace) -> str:
    """Half maps of a table, and what their agreement and that of their mean with the truth say."""
    stem = Path(table).parent / Path(table).stem
    for number in (1, 2):
        call(folder, "relion_reconstruct", "--i", table, "--o", f"{stem}_h{number}.mrc", "--sym", args.symmetry,
             "--ctf", "--subset", number)  # fmt: skip
    both = [mrc.read(folder / f"{stem}_h{number}.mrc").data for number in (1, 2)]
    mask, truth = mrc.read(folder / "K/mask.mrc").data, mrc.read(folder / "S/truth.mrc").data
    curve = fsc(truth * mask, (both[0] + both[1]) / 2 * mask)
    own = fsc(both[0] * mask, both[1] * mask)
    width = args.box * args.pixel_size
    passed = [width / (int(np.argmax(one < level)) or len(one) - 1) for one, level in ((own, 0.143), (curve, 0.5))]
    return (f"halves {passed[0]:.2f} A at 0.143 (masked), with the truth {passed[1]:.2f} A at 0.5, "
            f"area {curve[1 : args.box // 2].mean():.4f}")  # fmt: skip


def error(folder: Path, tracks: str | None, pixel: float) -> float:
    """Rms error of tracks, angstroms; None: of the motion that was known."""
    total, count = 0.0, 0
    for path in sorted((folder / "S").glob("*_shifts.npy")):
        stem = path.name.removesuffix("_shifts.npy")
        truth = np.load(path).transpose(1, 0, 2) * pixel
        if tracks is None:
            known = star.read(folder / f"S/{stem}_truth.star")["particles"]
            places = np.stack([known.floats("rlnCoordinateX"), known.floats("rlnCoordinateY")], axis=1)
            found = motion.read(folder / f"M/{stem}.star").displacements(places) * pixel
        else:
            blocks = star.read(next(folder.glob(f"{tracks}/{stem}_tracks.star")))
            names = range(blocks["general"].ints("rlnParticleNumber")[0])
            found = np.stack([np.stack([blocks[str(one)].floats(f"rlnOrigin{axis}Angst") for axis in "XY"], 1)
                              for one in names])  # fmt: skip
        apart = found - truth
        apart -= apart.mean(1, keepdims=True)
        total, count = total + float((apart**2).sum()), count + apart.shape[0] * apart.shape[1]
    return float(np.sqrt(total / count))


def relion(folder: Path, args: argparse.Namespace, name: str, learn: bool) -> None:
    """RELION's polishing on p.star."""
    words = ["--i", "p.star", "--f", "pp/run.star", "--corr_mic", "motion.star", "--first_frame", 1, "--last_frame", -1,
             "--j", 1]  # fmt: skip
    seconds, prior = 0.0, ["--s_vel", 0.2, "--s_div", 5000, "--s_acc", 2]
    if learn:
        (folder / f"{name}L").mkdir()
        seconds = call(folder, "relion_motion_refine", *words, "--o", f"{name}L/", "--min_p", 150, "--eval_frac", 0.5,
                       "--align_frac", 0.5, "--params3")  # fmt: skip
        found = (folder / f"{name}L/opt_params_all_groups.txt").read_text().split()
        prior = ["--s_vel", found[0], "--s_div", found[1], "--s_acc", found[2]]
    (folder / name).mkdir()
    seconds += call(folder, "relion_motion_refine", *words, "--o", f"{name}/", *prior, "--combine_frames",
                    "--bfac_minfreq", 20, "--bfac_maxfreq", -1)  # fmt: skip
    far = error(folder, f"{name}/**", args.pixel_size)
    print(f"RELION {'learnt' if learn else 'default'} {prior[1::2]}: {far:.3f} "
          f"A, {seconds:.1f} CPU-s; {halves(folder, f'{name}/shiny.star', args)}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("pixel-size", 1.4), ("voltage", 300.0), ("dose", 1.2), ("stray", 3.0), ("stray-length", 500.0),
                        ("diameter", 110.0), ("contrast", 0.06), ("ice", 0.06)):  # fmt: skip
        parser.add_argument(f"--{name}", type=float, default=value)
    for name, number in (("frames", 30), ("movies", 5), ("size", 1024), ("box", 128), ("particles", 60), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--symmetry", default="D3")
    parser.add_argument("--relion", action="store_true")
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = args.keep or Path(name)
        folder.mkdir(exist_ok=True)
        if not (folder / "k.star").exists():
            particles(folder, args)
        print(f"motion: {error(folder, None, args.pixel_size):.3f} A; {halves(folder, 'p.star', args)}", flush=True)
        maps = ["--half1", "p_h1.mrc", "--half2", "p_h2.mrc", "--mask", "K/mask.mrc"]
        seconds = call(folder, "spa", "polish", "particles", "p.star", *maps, "-d", "Q", "-o", "q.star", "--threads", 1)
        print(f"spa: {error(folder, 'Q/tracks', args.pixel_size):.3f} A, {seconds:.1f} CPU-s; "
              f"{halves(folder, 'q.star', args)}", flush=True)  # fmt: skip
        if args.relion:
            (folder / "pp").mkdir()
            call(folder, "relion_postprocess", "--i", "p_h1.mrc", "--i2", "p_h2.mrc", "--mask", "K/mask.mrc",
                 "--angpix", args.pixel_size, "--o", "pp/run")  # fmt: skip
            relion(folder, args, "R", learn=False)
            relion(folder, args, "T", learn=True)


if __name__ == "__main__":
    main()
