"""`refine nu` beside `refine homo` on a protein in a disordered micelle: the FSC with the truth inside the protein.

    python tests/benchmarks/nonuniform.py [--images 1500] [--box 80] [--pixel-size 2.8] [--snr 0.15] [--group C1]
                                          [--model FILE] [--micelle -20 20] [--contrast 0.5] [--seed 0]

Both start from the truth low-passed to 30 A, which has no belt: its mean draws the frame of the poses aside where the
group leaves that free, so maps are laid upon the truth again. The mask is of the protein alone: a soft one of its map
at 15 A. Printed
are the mean FSC, the resolutions at 0.5 and at 0.143 of the curve with the truth, and the pose error against it
(median, and the share within 10 degrees, over the group's copies), of the map that the job gives. Where homo does not
get most poses right there is nothing to be seen of the filter.
"""

import argparse
import resource
import tempfile
from pathlib import Path

import numpy as np
from scipy import ndimage

from spa.io import mrc, star
from spa.model.poses import matrices
from spa.symmetry import align
from spa.testing import run_spa
from spa.volume.fsc import crossing, fsc
from spa.volume.masks import automatic_threshold, grown
from spa.volume.shells import lowpass
from spa.volume.symmetry import operators

ALIGNED = 15.0  # angstroms to which a map is laid upon the truth

def laid(truth: np.ndarray, found: np.ndarray, radius: int, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map turned and moved, where the group leaves that free, upon the truth in shells up to radius; the turn."""
    free = group.mean(axis=0)  # projects on the axes that all of the group leave as they are
    fit = align.fit(truth, found, radius, mirror=False, turns=np.eye(3)[None], free=free)
    spectrum = ndimage.fourier_shift(np.fft.fftn(align.turned(found, fit.turn)), fit.shift[::-1])
    return np.fft.ifftn(spectrum).real, fit.turn


def pose_error(found: Path, truth: Path, group: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Angles (degrees) to the nearest copy of the true pose, in the frame that the turn leads to."""
    both = []
    for path in (found, truth):
        table = star.read(path)["particles"]
        both.append(matrices(*(np.deg2rad(table.floats(f"rlnAngle{name}")) for name in ("Rot", "Tilt", "Psi"))))
    likeness = np.einsum("nij,nik,gkj->ng", both[0] @ turn.T, both[1], group.swapaxes(-1, -2)).max(axis=1)
    return np.rad2deg(np.arccos(np.clip((likeness - 1) / 2, -1, 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--box", type=int, default=80)
    parser.add_argument("--pixel-size", type=float, default=2.8)
    parser.add_argument("--snr", type=float, default=0.15)
    parser.add_argument("--group", default="C1")
    parser.add_argument("--model")
    parser.add_argument("--micelle", type=float, nargs=2, default=[-20.0, 20.0])
    parser.add_argument("--contrast", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    width = asked.box * asked.pixel_size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        specimen = ["--model", Path(asked.model).resolve()] if asked.model else ["--specimen-diameter", 0.5 * width]
        made = run_spa("simulate", "particles", "-d", folder / "data", "-o", folder / "s.star", "--n", asked.images,
                       "--box", asked.box, "--pixel-size", asked.pixel_size, "--symmetry", asked.group, "--snr",
                       asked.snr, "--micelle", *asked.micelle, "--micelle-contrast", asked.contrast,
                       "--seed", asked.seed, *specimen)  # fmt: skip
        assert made.status == 0, made.stderr
        truth = np.array(mrc.read(folder / "data/truth.mrc").data)
        smooth = lowpass(truth, asked.pixel_size, 15.0)
        inside = grown(smooth > automatic_threshold(smooth), 2, 4)
        for job in ("homo", "nu"):
            before = resource.getrusage(resource.RUSAGE_SELF)
            result = run_spa("refine", job, "data/particles.star", "-d", folder / job, "-o", folder / f"{job}.star",
                             "--reference", folder / "data/truth.mrc", "--lowpass", 30, "--symmetry", asked.group,
                             "--diameter", 0.8 * width, "--threads", 1, "--seed", asked.seed, cwd=folder)  # fmt: skip
            assert result.status == 0, result.stderr
            after = resource.getrusage(resource.RUSAGE_SELF)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            group, shell = operators(asked.group), int(width / ALIGNED)
            found, turn = laid(truth, np.array(mrc.read(folder / job / "map.mrc").data), shell, group)
            curve = fsc(truth * inside, found * inside)
            half, seventh = (width / max(crossing(curve, level), 1) for level in (0.5, 0.143))
            error = pose_error(folder / f"{job}.star", folder / "data/truth.star", group, turn)
            print(f"{job:5s} mean FSC {curve[1:].mean():.4f}, 0.5 at {half:.2f} A, 0.143 at {seventh:.2f} A, poses"
                  f" {np.median(error):.2f} deg, {(error < 10).mean():.1%} within 10, {spent:.0f} CPU-s",
                  flush=True)  # fmt: skip
            print("     ", result.stderr.strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
