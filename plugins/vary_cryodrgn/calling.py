"""Particles handed to cryoDRGN, its latents and volumes taken back."""

import os
import pickle
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from spa.errors import DataError, ReadError
from spa.io import star
from spa.io.stacks import image_name, parse_name
from spa.io.star import Tables
from spa.job.maps import BLOCK
from spa.job.particles import open_particles
from spa.job.run import Run
from spa.recipe.cryodrgn import write_pickles
from spa.recipe.latents import columns, renewed
from spa.recipe.series import along_axes, with_series

LOG = "cryodrgn.log"


@dataclass(frozen=True)
class Settings:
    """The options of the job."""

    program: str
    latent: int
    epochs: int
    frames: int
    axes: int
    extra: tuple[str, ...]
    seed: int


@dataclass(frozen=True, eq=False)
class Latents:
    """cryoDRGN's latents turned to principal axes: mean (n, q), spread (n, q, q); z = centre + mean axes^T."""

    mean: np.ndarray
    spread: np.ndarray
    centre: np.ndarray
    axes: np.ndarray


def varied(run: Run, tables: Tables, settings: Settings) -> Tables:
    """The document with latents and volumes. DataError where cryoDRGN fails or its files are not as they should be."""
    assert run.outdir is not None
    stack = open_particles(run, tables)
    made = run.outdir / "run"
    if not (run.resume and (made / "z.pkl").exists()):
        _train(run, tables, made, settings)
    latents = turned(*_read(made, len(stack), settings.latent))
    table = renewed(tables["particles"], **columns(latents.mean, latents.spread))
    out, shown = tables.without_block(BLOCK).with_block("particles", table), min(settings.axes, settings.latent)

    def draw(path: Path, point: np.ndarray) -> None:
        _volume(run, made, latents.centre + latents.axes @ point, path, stack.pixel_size, settings)

    if shown:
        out = with_series(out, run.outdir, along_axes(latents.mean, settings.frames, shown), draw)
    run.summary(f"{settings.latent} latents of {len(stack)} particles by {settings.program}, "
                f"{shown * settings.frames} volumes")  # fmt: skip
    return out


def _train(run: Run, tables: Tables, made: Path, settings: Settings) -> None:
    """Inputs into DIR, training into DIR/run."""
    folder = made.parent
    written = write_pickles(folder, tables)
    if len(written) == 1:
        raise DataError(f"{tables['particles'].where}: no rlnAngleRot, rlnAngleTilt, rlnAnglePsi; refine the particles "
                        f"first")  # fmt: skip
    names = [parse_name(str(name)) for name in tables["particles"].text("rlnImageName")]
    absolute = [image_name(index, Path(path).resolve()) for index, path in names]
    plain = tables["particles"].with_columns(rlnImageName=absolute)
    star.write(Tables({name: tables[name] for name in tables.blocks if name == "optics"} | {"particles": plain}),
               folder / "particles.star")  # fmt: skip
    run.note(f"{settings.program} train_vae: what it says is in {folder / LOG}")
    _call(run, [
        settings.program, "train_vae", str(folder / "particles.star"), "--poses", str(folder / "poses.pkl"), "--ctf",
        str(folder / "ctf.pkl"), "--zdim", str(settings.latent), "-n", str(settings.epochs), "--seed",
        str(settings.seed), "--no-analysis", "-o", str(made), *settings.extra,
    ])  # fmt: skip


def _volume(run: Run, made: Path, z: np.ndarray, name: Path, pixel_size: float, settings: Settings) -> None:
    _call(run, [settings.program, "eval_vol", str(_newest(made, "weights")), "-c", str(made / "config.yaml"), "-z",
                *(f"{value:.5f}" for value in z), "--Apix", f"{pixel_size:.6g}", "-o", str(name)])  # fmt: skip
    if not name.is_file():
        raise DataError(f"cryodrgn eval_vol wrote no {name}")


def _call(run: Run, words: list[str]) -> None:
    """Run cryoDRGN, what it says into DIR/cryodrgn.log. DataError with the last line of that where it fails."""
    assert run.outdir is not None
    seen = {} if run.device == "cuda" else {"CUDA_VISIBLE_DEVICES": run.device.partition(":")[2]}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(run.threads))
    path = run.outdir / LOG
    with path.open("a") as log:
        ran = subprocess.run(words, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **threads, **seen})
    if ran.returncode:
        said = (path.read_text(errors="replace").strip() or "nothing").splitlines()[-1]
        raise DataError(f"cryodrgn {words[1]} ended with status {ran.returncode}; it said: {said} (all of it: {path})")


def _newest(made: Path, kind: str) -> Path:
    """KIND.pkl, or that of the last epoch."""
    if (last := made / f"{kind}.pkl").is_file():
        return last
    numbered = [path for path in made.glob(f"{kind}.*.pkl") if path.name.split(".")[1].isdigit()]
    if not numbered:
        raise DataError(f"cryodrgn train_vae wrote no {kind}.pkl into {made}")
    return max(numbered, key=lambda path: int(path.name.split(".")[1]))


class _Arrays(pickle.Unpickler):
    """Of arrays and nothing else: what a file says is not run."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "_frombuffer", "ndarray", "dtype", "scalar"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no array")


def _read(made: Path, count: int, latent: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and log variances (count, latent) of the last epoch."""
    path = _newest(made, "z")

    def array(stream: IO[bytes]) -> np.ndarray:
        found = np.asarray(_Arrays(stream).load(), float)
        if found.shape != (count, latent) or not np.isfinite(found).all():
            raise DataError(f"{path}: {count} x {latent} finite numbers are wanted, it has {found.shape}")
        return found

    try:
        with path.open("rb") as stream:
            return array(stream), array(stream)
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, ValueError) as error:
        raise ReadError(f"{path}: not the latents of cryoDRGN ({error})") from None


def turned(mean: np.ndarray, logs: np.ndarray) -> Latents:
    """In standard deviations of all along the first principal axis, the widest axis first, longer tails positive."""
    centre = mean.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(mean.T).reshape(mean.shape[1], -1))
    axes = axes[:, np.argsort(-values)]
    skew = (((mean - centre) @ axes) ** 3).mean(axis=0)
    axes = axes * np.where(skew < 0, -1.0, 1.0)
    unit = max(float(np.sqrt(values.max())), 1e-9)
    spread = np.einsum("ka,nk,kb->nab", axes, np.exp(logs), axes, optimize=True) / unit**2
    return Latents((mean - centre) @ axes / unit, spread, centre, axes * unit)
