"""For the tests of plugins: run commands in this process, and tiny data.

``pytest_plugins = ["spa.testing"]`` in a conftest.py brings the fixtures.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest


@dataclass(frozen=True)
class Result:
    """What a command gave: exit status, standard output and standard error."""

    status: int
    stdout: str
    stderr: str


class _Capture(io.TextIOWrapper):
    """A standard stream that stays readable after whoever wrote to it has closed it."""

    def __init__(self, data: bytes = b"") -> None:
        self.bytes = io.BytesIO(data)
        super().__init__(self.bytes, encoding="utf-8", errors="surrogateescape", write_through=True)

    def close(self) -> None:
        self.flush()


@contextlib.contextmanager
def _streams(given: bytes) -> Iterator[tuple[_Capture, _Capture]]:
    kept = sys.stdin, sys.stdout, sys.stderr
    stdin, stdout, stderr = _Capture(given), _Capture(), _Capture()
    sys.stdin, sys.stdout, sys.stderr = stdin, stdout, stderr
    try:
        yield stdout, stderr
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept


@contextlib.contextmanager
def _inside(folder: str | os.PathLike[str] | None) -> Iterator[None]:
    before = os.getcwd()
    try:
        if folder is not None:
            os.chdir(folder)
        yield
    finally:
        os.chdir(before)


def run_spa(*args: object, input: str | bytes | None = None, cwd: str | os.PathLike[str] | None = None) -> Result:
    """Run ``spa ARGS`` in this process, as the shell would; ``input`` is standard input."""
    from spa.cli import main

    return _run([str(arg) for arg in args], main.program(), input, cwd)


def run_command(
    command: click.Command, *args: object, input: str | bytes | None = None, cwd: str | os.PathLike[str] | None = None
) -> Result:
    """Run a click command that no entry point names, with the same streams and statuses."""
    from spa.cli import main

    return _run([command.name or "command", *map(str, args)], main.program(extra=[command]), input, cwd)


def _run(args: list[str], host: object, given: str | bytes | None, cwd: str | os.PathLike[str] | None) -> Result:
    from spa.cli import main

    data = given.encode() if isinstance(given, str) else given or b""
    with _inside(cwd), _streams(data) as (stdout, stderr):
        status = main.run(args, host)  # type: ignore[arg-type]
    return Result(status, *(stream.bytes.getvalue().decode(errors="surrogateescape") for stream in (stdout, stderr)))


OPTICS = {"rlnOpticsGroupName": ["opticsGroup1"], "rlnOpticsGroup": [1], "rlnVoltage": [300.0],
          "rlnSphericalAberration": [2.7], "rlnAmplitudeContrast": [0.1]}  # fmt: skip


@pytest.fixture
def tiny_micrograph(tmp_path: Path) -> Path:
    """A `data_micrographs` table of one micrograph of 256 x 240 pixels, 5 A each, with nine dark discs of 120 A.

    Their centres are in `truth.txt` beside it, one "x y" a line.
    """
    from spa.io import mrc, star

    rng = np.random.default_rng(7)
    image = rng.normal(0, 0.5, (240, 256))
    y, x = np.mgrid[:240, :256]
    centres = [(col, row) for row in (45, 120, 195) for col in (50, 128, 206)]
    for col, row in centres:
        image -= 1.0 * (np.hypot(x - col, y - row) < 12)
    mrc.write(tmp_path / "tiny.mrc", image.astype(np.float32), 5.0)
    (tmp_path / "truth.txt").write_text("".join(f"{col} {row}\n" for col, row in centres))
    optics = star.Table.of(**OPTICS, rlnMicrographOriginalPixelSize=[5.0], rlnMicrographPixelSize=[5.0])
    micrographs = star.Table.of(
        rlnMicrographName=[str(tmp_path / "tiny.mrc")], rlnOpticsGroup=[1], rlnDefocusU=[15000.0],
        rlnDefocusV=[14800.0], rlnDefocusAngle=[30.0], rlnCtfMaxResolution=[11.0],
    )  # fmt: skip
    star.write(star.Tables({"optics": optics, "micrographs": micrographs}), tmp_path / "micrographs.star")
    return tmp_path / "micrographs.star"


@pytest.fixture
def tiny_particles(tmp_path: Path) -> Path:
    """A `data_particles` table of 24 noisy discs in boxes of 32 pixels, 5 A each, with CTF, poses and halves."""
    from spa.io import mrc, star

    rng = np.random.default_rng(8)
    y, x = np.mgrid[:32, :32] - 16
    stack = rng.normal(0, 1, (24, 32, 32)) + 2.0 * (np.hypot(x, y) < 7)
    mrc.write(tmp_path / "tiny.mrcs", stack.astype(np.float32), 5.0)
    optics = star.Table.of(
        **OPTICS,
        rlnImagePixelSize=[5.0],
        rlnImageSize=[32],
        rlnImageDimensionality=[2],
        rlnCtfDataAreCtfPremultiplied=[0],
    )
    angles = rng.uniform(-180, 180, (3, 24))
    particles = star.Table.of(
        rlnImageName=[f"{n + 1:06d}@{tmp_path / 'tiny.mrcs'}" for n in range(24)], rlnMicrographName=["tiny.mrc"] * 24,
        rlnCoordinateX=rng.uniform(20, 200, 24), rlnCoordinateY=rng.uniform(20, 200, 24), rlnOpticsGroup=[1] * 24,
        rlnDefocusU=[15000.0] * 24, rlnDefocusV=[14800.0] * 24, rlnDefocusAngle=[30.0] * 24,
        rlnAngleRot=angles[0], rlnAngleTilt=abs(angles[1]), rlnAnglePsi=angles[2],
        rlnOriginXAngst=[0.0] * 24, rlnOriginYAngst=[0.0] * 24, rlnRandomSubset=[1 + n % 2 for n in range(24)],
    )  # fmt: skip
    star.write(star.Tables({"optics": optics, "particles": particles}), tmp_path / "particles.star")
    return tmp_path / "particles.star"


HALF_BOX, HALF_PIXEL, HALF_BLUR = 48, 3.0, 150.0


def write_half_maps(folder: Path, noise: float = 0.6, blur: float = HALF_BLUR) -> np.ndarray:
    """half1.mrc, half2.mrc, mask.mrc and a stream that names them (maps.star); gives the map without noise and blur.

    A D2 phantom of 90 A blurred by a B-factor (square angstroms), with noise of the same envelope.
    """
    from spa.image import fft
    from spa.io import mrc, star
    from spa.volume.density import density
    from spa.volume.masks import soft_mask
    from spa.volume.phantom import phantom
    from spa.volume.shells import radii

    p = phantom("D2", 90.0, np.random.default_rng(0))
    volume = density(p.positions, p.bfactors, p.occupancies, p.kinds, p.scattering, HALF_BOX, HALF_PIXEL)
    k = radii(HALF_BOX) / (HALF_BOX * HALF_PIXEL)
    envelope = np.exp(-blur / 4 * k**2).astype(np.float32)
    smooth = fft.irfft3(fft.rfft3(volume) * envelope, HALF_BOX)
    rng = np.random.default_rng(1)
    for one in (1, 2):
        grain = rng.standard_normal(volume.shape).astype(np.float32) * noise * smooth.std()
        mrc.write(folder / f"half{one}.mrc", smooth + fft.irfft3(fft.rfft3(grain) * envelope, HALF_BOX), HALF_PIXEL)
    mask, _ = soft_mask(smooth, HALF_PIXEL)
    mrc.write(folder / "mask.mrc", mask, HALF_PIXEL)
    names = [str(folder / name) for name in ("half1.mrc", "half2.mrc", "mask.mrc")]
    table = star.Table.of(spaMapName=names, spaMapRole=["half1", "half2", "mask"], spaMapClass=[1, 1, 1])
    star.write(star.Tables({"maps": table}), folder / "maps.star")
    return volume


def is_png(path: Path) -> bool:
    """Whether a file begins as a PNG does."""
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
