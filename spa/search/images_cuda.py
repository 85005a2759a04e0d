"""Images on a device as the likelihood wants them: the twin of `spa.search.images`."""

from dataclasses import dataclass, replace

import numpy as np

from spa.gpu.array import Array
from spa.image.disc import Disc
from spa.image.disc_cuda import DeviceDisc, on_device


@dataclass(frozen=True, eq=False)
class Block:
    """Some images in a band: x (n, 2, K) and ctf (n, K), both divided by the noise, of which `count` are used.

    bend (n, 4) float32: magnifications, None where there are none; centres (n, 2) float32: shifts that the images are
    moved back by where they are searched, None for none.
    """

    band: Disc
    x: Array
    ctf: Array
    count: int
    bend: Array | None = None
    centres: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def stride(self) -> int:
        return self.ctf.shape[1]

    @property
    def disc(self) -> DeviceDisc:
        """The first `count` coefficients' names."""
        whole = on_device(self.x.device, self.band)
        return DeviceDisc(*(getattr(whole, name).rows(0, self.count) for name in ("kx", "ky", "shell")))

    def low(self, count: int) -> "Block":
        """The images' first coefficients."""
        return replace(self, count=count)


def prefix(block: Block, centres: np.ndarray, radius: int) -> Block:
    """The low band of a block, each image moved back by its centre (n, 2), pixels."""
    return replace(block, count=block.band.count(radius), bend=None, centres=block.x.device.array(centres, np.float32))
