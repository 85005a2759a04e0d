"""Images as the likelihood wants them: coefficients and CTF divided by the noise, ready for matrix products.

With X and C already divided by s (the noise's standard deviation a coefficient, E|n|^2 = s^2),
``log p(X | R, t) = 2 Re<C X exp(2 pi i k.t / N), P_R> - <C^2, |P_R|^2>`` up to a term of the image alone.
"""

from dataclasses import dataclass, field

import numpy as np

from spa.image.disc import Disc
from spa.image.straight import stretched
from spa.volume.patches import Patches, patches


@dataclass(frozen=True, eq=False)
class Block:
    """Some images in a band of a disc: x (n, 2, K) and ctf (n, K) float32, both divided by the noise.

    bend (n, 2, 2): magnifications; None where there are none.
    """

    band: Disc
    x: np.ndarray
    ctf: np.ndarray
    bend: np.ndarray | None = None
    _sown: dict[int, tuple[Patches, np.ndarray, np.ndarray]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def kx(self) -> np.ndarray:
        return self.band.kx[: self.x.shape[2]]

    @property
    def ky(self) -> np.ndarray:
        return self.band.ky[: self.x.shape[2]]

    def seen_from(self, rows: np.ndarray, poses: np.ndarray) -> np.ndarray:
        """Poses (j, 3, 3) whose slices lie as images `rows` (j,) do, distorted where these are."""
        return poses if self.bend is None else stretched(poses, self.bend[rows])

    def low(self, count: int) -> "Block":
        """The images' first coefficients."""
        return Block(self.band, self.x[:, :, :count], self.ctf[:, :count], self.bend)

    def in_patches(self, count: int) -> tuple[Patches, np.ndarray, np.ndarray]:
        """Patches of the first coefficients, and x and ctf in their order: made once."""
        if count not in self._sown:
            band = patches(self.band.kx[:count], self.band.ky[:count])
            self._sown[count] = band, band.sown(self.x), band.sown(self.ctf)
        return self._sown[count]

    def matched(self) -> np.ndarray:
        """(n, 2, K): CTF times image, what is correlated with slices and what is inserted."""
        return self.x * self.ctf[:, None]


def ramps(shifts: np.ndarray, kx: np.ndarray, ky: np.ndarray, box: int) -> np.ndarray:
    """(s, K) complex64 exp(2 pi i k.t / box): undoes shifts (s, 2) in pixels."""
    angle = (2 * np.pi / box * (shifts @ np.stack([kx, ky]).astype(np.float32))).astype(np.float32)
    out = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=out.real)
    np.sin(angle, out=out.imag)
    return out


def prefix(block: Block, centres: np.ndarray, radius: int) -> Block:
    """The low band of a block, each image moved back by its centre."""
    count = block.band.count(radius)
    x = np.ascontiguousarray(block.x[:, :, :count])
    if np.any(centres):
        turn = ramps(centres.astype(np.float32), block.kx[:count], block.ky[:count], block.band.box)
        x = np.stack([x[:, 0] * turn.real - x[:, 1] * turn.imag, x[:, 0] * turn.imag + x[:, 1] * turn.real], axis=1)
    return Block(block.band, x, np.ascontiguousarray(block.ctf[:, :count]))
