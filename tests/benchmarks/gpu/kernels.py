"""Kernels on a card, each beside its floor: the coarse pass in TFLOP/s, slices and insertions in GB/s.

    python tests/benchmarks/gpu/kernels.py [--device cuda] [--box 256] [--images 512] [--step 7.5]

The card's own rates are measured first: a large square product, and clearing a large array. The operations counted for
the coarse pass are those of its products; ramps, the best shift and the choice of candidates are overhead. Bytes of
slices are those that are written; of insertion those of the eight cells that each coefficient adds to, read and
written. `--emulated` tries the script, small, without a card: its figures mean nothing.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parents[3]))  # for the emulated device, which is of the tests

from spa.class3d import consensus_cuda
from spa.gpu.device import Device, open_device
from spa.gpu.gemm import product
from spa.image.disc import Disc, disc
from spa.image.disc_cuda import on_device
from spa.search import exhaustive_cuda, orientations
from spa.search.images_cuda import Block
from spa.volume import insert_cuda, slices_cuda
from spa.volume.insert import Samples


def seconds(device: Device, work: Callable[[], object], times: int = 5) -> float:
    """Of one call: the best of some, after one that compiles."""
    work()
    best = np.inf
    for _ in range(times):
        device.driver.synchronize()
        start = time.perf_counter()
        work()
        device.driver.synchronize()
        best = min(best, time.perf_counter() - start)
    return best


def rates(device: Device, size: int) -> tuple[float, float]:
    """Operations a second of a square product, bytes a second of clearing memory."""
    rng = np.random.default_rng(0)
    a, out = device.array(rng.standard_normal((size, size), np.float32)), device.empty(size, size)
    flops = 2 * size**3 / seconds(device, lambda: product(a, a, out))
    room = device.empty(4 * size, size)
    return flops, room.nbytes / seconds(device, lambda: device.driver.clear(room.pointer, room.nbytes))


def coarse_pass(device: Device, band: Disc, images: int, step: float, reach: float) -> tuple[float, float]:
    """Operations and seconds of every orientation and shift for some images."""
    rng, count = np.random.default_rng(1), len(band)
    x = device.array(rng.standard_normal((images, 2, count), np.float32))
    block = Block(band, x, device.array(rng.standard_normal((images, count), np.float32)), count)
    poses = orientations.grid(np.deg2rad(step), np.eye(3)[None], rng)
    volume = rng.standard_normal((band.box,) * 3).astype(np.float32)
    columns = exhaustive_cuda.columns(slices_cuda.reference(device, volume, band.radius), poses, band, count)
    shifts = orientations.shift_grid(max(0.25 * band.box / band.radius, 1.0), reach)
    work = 2 * images * len(poses) * count * (2 * len(shifts) + 1)
    return work, seconds(device, lambda: exhaustive_cuda.search(block, columns, shifts, 2.0, 60), 3)


def cutting(device: Device, band: Disc, poses: np.ndarray) -> tuple[float, float]:
    """Bytes and seconds of slices at poses."""
    names, volume = on_device(device, band), np.random.default_rng(2).standard_normal((band.box,) * 3)
    source = slices_cuda.reference(device, volume.astype(np.float32), band.radius)
    return 8 * len(poses) * len(band), seconds(device, lambda: slices_cuda.slices(source, poses, names.kx, names.ky))


def inserting(device: Device, band: Disc, poses: np.ndarray) -> tuple[float, float]:
    """Bytes and seconds of inserting images at poses."""
    n, rng, names = len(poses), np.random.default_rng(3), on_device(device, band)
    x = device.array(rng.standard_normal((n, 2, len(band)), np.float32))
    ctf = device.array(rng.standard_normal((n, len(band)), np.float32))
    sums = insert_cuda.accumulator(device, band.box, band.radius)
    samples = Samples(np.arange(n), poses, np.zeros((n, 2)), np.ones(n))
    took = seconds(device, lambda: insert_cuda.insert(sums, samples, x, ctf, names.kx, names.ky))
    return n * len(band) * 8 * 3 * 4 * 2, took


def combining(device: Device, band: Disc, poses: np.ndarray, maps: int = 6) -> tuple[float, float]:
    """Bytes and seconds of moments of images under combinations of maps: slices are written once and read by tiles of
    four maps, images and CTF once a tile on the diagonal."""
    n, rng, count = len(poses), np.random.default_rng(4), len(band)
    volume = rng.standard_normal((band.box,) * 3).astype(np.float32)
    sources = [slices_cuda.reference(device, volume, band.radius)] * maps
    x = device.array(rng.standard_normal((n, 2, count), np.float32))
    block = Block(band, x, device.array(rng.standard_normal((n, count), np.float32)), count)
    none, ones, sides = np.zeros((n, 2)), np.ones(n), -(-maps // 4)
    took = seconds(device, lambda: consensus_cuda.moments(block, sources, poses, none, ones))
    return 8 * n * count * (maps + 8 * sides * (sides + 1) // 2) + 12 * n * count * sides, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--box", type=int, default=256)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--step", type=float, default=7.5, help="of the coarse grid, degrees")
    asked = parser.parse_args()
    if asked.emulated:
        from tests.gpu import emulated

        device, size = emulated.device(), 256
    else:
        device, size = open_device(asked.device), 8192
    flops, bandwidth = rates(device, size)
    name = f"{device.driver.name}, {device.driver.libraries}"
    print(f"{name}: {flops / 1e12:.2f} TFLOP/s in a product of {size}^2, {bandwidth / 1e9:.0f} GB/s cleared")
    radius = min(int(3 / np.deg2rad(asked.step)), asked.box // 2 - 1)
    work, took = coarse_pass(device, disc(asked.box, radius), asked.images, asked.step, asked.box / 25)
    print(f"coarse pass, {asked.images} images, shells to {radius}: {took:.3f} s, {work / took / 1e12:.2f} TFLOP/s, "
          f"{work / took / flops:.0%} of the product's rate")  # fmt: skip
    poses = Rotation.random(asked.images, random_state=0).as_matrix()
    for what, one in (("slices", cutting), ("insertions", inserting), ("images under 6 maps", combining)):
        nbytes, took = one(device, disc(asked.box, asked.box // 2 - 1), poses)
        print(f"{what}: {len(poses) / took:.0f} a second, {nbytes / took / 1e9:.1f} GB/s, "
              f"{nbytes / took / bandwidth:.0%} of the bandwidth")  # fmt: skip


if __name__ == "__main__":
    main()
