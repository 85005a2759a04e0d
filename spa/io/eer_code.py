"""EER files written: counts spread over frames of a camera that saw each electron, and those frames' code.

The code is that of `spa.io.eer` (compression 65001: runs of 7 bits, 2 and 2 bits for the place in a pixel), in the
pages of a BigTIFF, as the cameras' own files are.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

RUN_BITS, PLACE_BITS = 7, 2
_MOST = 2**RUN_BITS - 1  # a run that says: as many and no electron
_BITS = RUN_BITS + 2 * PLACE_BITS
_LONG, _SHORT, _WHERE, _BYTES = 4, 3, 16, 7  # TIFF's types
_ABOUT = 65001  # the tag by whose words programs know such a file


def write(path: str | Path, frames: Iterable[np.ndarray], per: int, rng: np.random.Generator) -> None:
    """Write frames of counts (ny, nx), each as so many of a camera that counts no pixel twice in a frame."""
    with open(path, "wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        link = 8  # where the place of the next page is to be written
        for counts in frames:
            for code in codes(counts, per, rng):
                link = _page(file, link, code, counts.shape)


def codes(counts: np.ndarray, per: int, rng: np.random.Generator) -> Iterator[bytes]:
    """The code of each of the camera's frames among which electrons (ny, nx) are spread; at most so many a pixel."""
    places, frames = spread(np.minimum(counts, per).reshape(-1), per, rng)
    order = np.lexsort((places, frames))
    bounds = np.searchsorted(frames[order], np.arange(per + 1))
    for first, last in zip(bounds, bounds[1:]):
        inside = rng.integers(0, 2 ** (2 * PLACE_BITS), last - first)
        yield code(places[order[first:last]], inside, counts.size)


def spread(counts: np.ndarray, per: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n,) of electrons, and in which of so many frames (n,) each is: those of a pixel in different ones."""
    many = np.flatnonzero(counts > per // 2)
    drawn = np.argsort(rng.random((len(many), per)), axis=1)
    taken = np.arange(per) < counts[many, None]
    few = np.where(counts > per // 2, 0, counts)
    places = np.repeat(np.arange(len(counts)), few)
    frames = rng.integers(0, per, len(places))
    while True:
        order = np.argsort(places * per + frames)
        key = (places * per + frames)[order]
        twins = order[1:][key[1:] == key[:-1]]
        if not len(twins):
            break
        frames[twins] = rng.integers(0, per, len(twins))
    return (np.concatenate([places, np.broadcast_to(many[:, None], taken.shape)[taken]]),
            np.concatenate([frames, drawn[taken]]))  # fmt: skip


def code(places: np.ndarray, inside: np.ndarray, total: int) -> bytes:
    """Of a frame of so many pixels with electrons at places (n,), in order; inside: bits of x, and of y above them."""
    runs = np.diff(places, prepend=-1) - 1
    left = total - (int(places[-1]) + 1 if len(places) else 0)
    runs = np.append(runs, left)
    fillers = runs // _MOST
    starts = np.concatenate([[0], np.cumsum(fillers * RUN_BITS + _BITS)])[:-1]
    bits = np.zeros(-(-(int(starts[-1]) + int(fillers[-1]) * RUN_BITS + RUN_BITS) // 16) * 16, np.uint8)
    full = np.repeat(starts, fillers) + RUN_BITS * (np.arange(int(fillers.sum())) - np.repeat(
        np.cumsum(fillers) - fillers, fillers))  # fmt: skip
    for bit in range(RUN_BITS):
        bits[full + bit] = 1
    at = starts + fillers * RUN_BITS
    for bit in range(RUN_BITS):
        bits[at + bit] = (runs - fillers * _MOST) >> bit & 1
    for bit in range(2 * PLACE_BITS):
        bits[at[:-1] + RUN_BITS + bit] = inside >> bit & 1
    return np.packbits(bits, bitorder="little").tobytes()


def _page(file, link: int, data: bytes, shape: tuple[int, int]) -> int:  # type: ignore[no-untyped-def]
    """Write a page and say where it is in the one before; where the next one's place belongs."""
    about = f'<metadata><item name="sensorImageHeight" unit="pixel">{shape[0]}</item>' \
            f'<item name="sensorImageWidth" unit="pixel">{shape[1]}</item></metadata>'  # fmt: skip
    words = file.seek(0, 2)
    file.write(about.encode().ljust(-(-len(about) // 8) * 8))
    at = file.tell()
    file.write(data + bytes(-len(data) % 8))
    tags = [
        (256, _LONG, shape[1]), (257, _LONG, shape[0]), (258, _SHORT, 1), (259, _SHORT, 65001), (262, _SHORT, 1),
        (273, _WHERE, at), (277, _SHORT, 1), (278, _LONG, shape[0]), (279, _WHERE, len(data)),
    ]  # fmt: skip
    page = file.tell()
    file.write(struct.pack("<Q", len(tags) + 1))
    for tag, kind, value in tags:
        file.write(struct.pack("<HHQQ", tag, kind, 1, value))
    file.write(struct.pack("<HHQQ", _ABOUT, _BYTES, len(about), words))
    file.write(bytes(8))
    file.seek(link)
    file.write(struct.pack("<Q", page))
    return page + 8 + 20 * (len(tags) + 1)
