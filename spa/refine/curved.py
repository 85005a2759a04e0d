"""The maps of a refinement's last poses once more, with images on the Ewald sphere."""

from dataclasses import dataclass, replace

import numpy as np

from spa.refine import classes, maximisation, plan
from spa.refine.data import blocks_of
from spa.refine.expectation import Poses
from spa.refine.problem import Problem, Workers
from spa.refine.states import State
from spa.search.images import ramps
from spa.volume import curved
from spa.volume import insert as into
from spa.volume.slices import Reference, reference

TURNS = 2  # residuals put back


def reconstructed(problem: Problem, state: State, wave: np.ndarray, sign: int, workers: Workers) -> State:
    """The state with its half maps, joint maps and FSC of curved insertion, each image at its best pose.

    wave (n,): wavelengths in angstroms; sign: 1 where density at larger heights (the pose's third axis) is at a larger
    defocus, -1 where at a smaller.
    """
    found, pairs = [], []
    for poses, share in zip(state.poses, state.shares.T):
        sphere = Sphere(problem, state, classes.weighted(poses, share), sign * wave)
        maps: list[np.ndarray | None] = [None, None]
        for _ in range(TURNS + 1):
            sums = _summed(sphere, maps, workers)
            now = maximisation.regularised(problem, sums, workers)
            maps = list(now.maps)
        pairs.append(sums)
        found.append(now)
    joint = np.stack([maximisation.joint_map(problem, pair, one, workers) for pair, one in zip(pairs, found)])
    return replace(
        state, curves=np.stack([one.curve for one in found]), maps=np.stack([np.stack(one.maps) for one in found]),
        halves=np.stack([np.stack(one.raw) for one in found]), joint=joint,
    )  # fmt: skip


def _summed(sphere: "Sphere", maps: list[np.ndarray | None], workers: Workers) -> list[into.Accumulator]:
    """Sums of both halves over the point group, of what the images have beyond the halves' maps where there are any."""
    if workers.engine.device is not None:
        from spa.refine import curved_cuda

        held = workers.engine.images(sphere.problem.images)
        return [curved_cuda.sums(held, sphere, half, volume) for half, volume in enumerate(maps)]
    sums = list(workers.map(sphere.sums, range(2), maps))
    return into.each_symmetrised(sums, sphere.problem.settings.operators, workers.map)


@dataclass(frozen=True, eq=False)
class Sphere:
    """One class's images; wave (n,) with the sign."""

    problem: Problem
    state: State
    poses: Poses
    wave: np.ndarray

    @property
    def band(self) -> int:
        """The shell up to which images are inserted."""
        return plan.insertion_band(self.problem, self.problem.images.band.radius)

    def rows(self, half: int) -> np.ndarray:
        """The images of a half that the class has more of than next to nothing."""
        rows = plan.everything(self.problem)[half]
        return rows[self.poses.weight[rows].sum(axis=1) > maximisation.LEAST_WEIGHT]

    def sums(self, half: int, volume: np.ndarray | None) -> into.Accumulator:
        """Of a half; with its map, of what the images have beyond that, and the map."""
        sums = into.accumulator(self.problem.images.band.box, self.band)
        source = None if volume is None else reference(volume, sums.radius)
        for part in blocks_of(self.rows(half)):
            self._add(sums, part, source)
        into.close(sums)
        if volume is not None:
            curved.add_map(sums, volume)
        return sums

    def _add(self, sums: into.Accumulator, part: np.ndarray, source: Reference | None) -> None:
        images, noise = self.problem.images, self.state.noise
        count, width = images.band.count(sums.radius), images.band.box * images.pixel_size
        kx, ky = images.band.kx[:count], images.band.ky[:count]
        block = images.block(part, sums.radius, noise)
        chi, envelope = images.phase(part, count)
        size = envelope / np.sqrt(noise[images.group[part]])[:, images.band.shell[:count]].astype(np.float32)
        square = (kx.astype(np.float64) ** 2 + ky**2) / width**2
        alike = curved.likeness(np.abs(self.wave[part, None]) * square, self.problem.settings.diameter)
        some = maximisation.samples(self.poses, part, maximisation.Spread(0, best_only=True), ())
        some = replace(some, poses=images.seen_from(part[some.rows], some.poses))
        x, bend = block.x[:, 0] + 1j * block.x[:, 1], self.wave[part] / (2 * width)
        if source is not None:
            shown = curved.seen(source, some.poses, chi, size, bend, kx, ky)
            x = x - shown * ramps(-some.shifts.astype(np.float32), kx, ky, images.band.box)
        curved.insert(sums, some, *curved.sides(x, chi, size, alike), bend, kx, ky)
