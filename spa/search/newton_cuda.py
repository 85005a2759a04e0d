"""Local refinement of candidate poses on a device: the twin of `spa.search.newton`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.search.images_cuda import Block
from spa.search.newton import GAIN, NEAR, SURE, Modes, Stage
from spa.search.prior import Prior
from spa.volume.slices_cuda import Reference

SOURCE = Path(__file__).with_name("newton.cu")
WARP = 32


@dataclass(frozen=True, eq=False)
class _Candidates:
    """On the device, float64: poses (n, m, 9), shifts (n, m, 2), logp (n, m); hessian (n, m, 25), slope (n, m, 5)."""

    poses: Array
    shifts: Array
    logp: Array
    hessian: Array | None = None
    slope: Array | None = None


class _Priors:
    """A prior's tables on the device."""

    def __init__(self, device: Device, prior: Prior) -> None:
        self.centres = device.array(prior.centres, np.float64)
        self.poses = None if prior.poses is None else device.array(prior.poses, np.float64)
        precision = prior.curvature().diagonal()
        self.turn, self.move = np.float64(precision[0]), np.float64(precision[3])


def threads_for(count: int) -> int:
    """Of a block that sums so many coefficients."""
    return WARP if count <= 256 else 2 * WARP if count <= 1024 else 4 * WARP


def refine(
    source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, logp: np.ndarray, stages: list[Stage],
    prior: Prior, operators: np.ndarray, slack: float = 14.0,
) -> Modes:  # fmt: skip
    """Refine candidates poses (n, m, 3, 3), shifts (n, m, 2); logp (n, m), -inf where there is none, best first."""
    device = block.x.device
    priors, group = _Priors(device, prior), device.array(operators.reshape(-1, 9), np.float64)
    looks = device.zeros(1, dtype=np.uint64)
    held = _Candidates(*(device.array(one, np.float64) for one in (poses, shifts, logp)))
    for number, stage in enumerate(stages):
        if number or logp.shape[1] > stage.keep:
            held = _survivors(held, group, stage.keep, slack, stage.least_angle)
        held = _climbed(source, block, priors, held, stage, looks)
    last = _survivors(held, group, held.logp.shape[1], slack, stages[-1].least_angle)
    assert last.hessian is not None
    n, m = last.logp.shape
    hessian = last.hessian.get().reshape(n, m, 5, 5)
    return Modes(last.poses.get().reshape(n, m, 3, 3), last.shifts.get(), last.logp.get(), hessian, int(looks.get()[0]))


def heights(
    source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, radius: int, prior: Prior
) -> np.ndarray:
    """log p (n, m), the prior's part included, at poses (n, m, 3, 3) and shifts (n, m, 2) in the band of a radius."""
    return _looked(source, block, poses, shifts, radius, prior).logp.get()


def slopes(
    source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, radius: int, prior: Prior
) -> np.ndarray:
    """(n, m, 5) of log p over turn and shift, the prior's part included, at poses (n, m, 3, 3) and shifts (n, m, 2)."""
    slope = _looked(source, block, poses, shifts, radius, prior, slope=True).slope
    assert slope is not None
    return slope.get()


def _looked(
    source: Reference, block: Block, poses: np.ndarray, shifts: np.ndarray, radius: int, prior: Prior,
    slope: bool = False,
) -> _Candidates:  # fmt: skip
    """Candidates that stay where they are."""
    device = block.x.device
    n, m = poses.shape[:2]
    held = _Candidates(
        device.array(poses, np.float64), device.array(shifts, np.float64), device.zeros(n, m, dtype=float)
    )
    stage, looks = Stage(radius, 0, m, 0.0, 0.0), device.zeros(1, dtype=np.uint64)
    return _climbed(source, block, _Priors(device, prior), held, stage, looks, hessian=False, slope=slope)


def _climbed(
    source: Reference, block: Block, prior: _Priors, held: _Candidates, stage: Stage, looks: Array,
    hessian: bool = True, slope: bool = False,
) -> _Candidates:  # fmt: skip
    device, grid, names = block.x.device, source.grid, block.disc
    n, m = held.logp.shape
    count = min(block.band.count(stage.radius), block.count)
    curved = device.zeros(n, m, 25, dtype=np.float64) if hessian else None
    sloping = device.zeros(n, m, 5, dtype=np.float64) if slope else None
    device.run(
        SOURCE, "climb", (1, n * m), threads_for(count), grid, np.int32(grid.shape[1]), np.int32(grid.shape[2]),
        block.x, block.ctf, np.int32(block.stride), names.kx, names.ky, np.int32(count), np.int32(block.band.box),
        block.bend, prior.centres, prior.poses, prior.turn, prior.move, np.int32(n), np.int32(m),
        np.int32(stage.iterations), np.float64(stage.turn), np.float64(stage.move), np.float64(GAIN), np.float64(SURE),
        held.poses, held.shifts, held.logp, curved, sloping, looks,
    )  # fmt: skip
    return _Candidates(held.poses, held.shifts, held.logp, curved, sloping)


def _survivors(held: _Candidates, group: Array, keep: int, slack: float, angle: float) -> _Candidates:
    """The best `keep` of each image that are not the same: places that none is left for have log p = -inf."""
    device = held.logp.device
    n, m = held.logp.shape
    order = device.empty(n, keep, dtype=np.int32)
    device.run(
        SOURCE, "prune", (1, n), WARP, held.poses, held.shifts, held.logp, group, np.int32(n), np.int32(m),
        np.int32(len(group)), np.int32(keep), np.float64(slack), np.float64(NEAR), np.float64(1 + 2 * np.cos(angle)),
        device.zeros(n, m, dtype=np.int32), order,
    )  # fmt: skip
    poses, shifts, logp = (device.empty(n, keep, *size, dtype=np.float64) for size in ((9,), (2,), ()))
    curved = None if held.hessian is None else device.empty(n, keep, 25, dtype=np.float64)
    to = _Candidates(poses, shifts, logp, curved)
    device.run(
        SOURCE, "take", (-(-n * keep // 128), 1), 128, order, np.int32(n), np.int32(m), np.int32(keep), held.poses,
        held.shifts, held.logp, held.hessian, to.poses, to.shifts, to.logp, to.hessian,
    )  # fmt: skip
    return to
