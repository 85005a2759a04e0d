"""EER files for tests: the code of a camera's frames, wrapped as TIFF pages."""

import struct
from pathlib import Path

import numpy as np


def encoded(electrons: np.ndarray, total: int, bits: tuple[int, int, int] = (7, 2, 2)) -> bytes:
    """The code of a frame of so many pixels; electrons (n, 3): place, and where in the pixel along x and y."""
    out: list[int] = []

    def put(value: int, count: int) -> None:
        out.extend((value >> i) & 1 for i in range(count))

    at, most = 0, 2 ** bits[0] - 1
    for place, x, y in sorted(map(tuple, electrons.tolist())):
        run = place - at
        while run >= most:
            put(most, bits[0])
            run -= most
        put(run, bits[0]), put(x, bits[1]), put(y, bits[2])
        at = place + 1
    run = total - at
    while run >= most:
        put(most, bits[0])
        run -= most
    put(run, bits[0])
    out += [0] * (-len(out) % 16)
    return np.packbits(np.array(out, np.uint8), bitorder="little").tobytes()


def write(path: Path, frames: list[bytes], side: int, compression: int = 65001) -> None:
    """A little-endian TIFF whose pages are these frames of side x side pixels."""
    data, entries = bytearray(b"II*\0" + bytes(4)), []
    for frame in frames:
        entries.append((len(data), len(frame)))
        data += frame
    link = 4
    for at, length in entries:
        tags = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, compression), (262, 3, 1), (273, 4, at),
                (277, 3, 1), (278, 4, side), (279, 4, length)]  # fmt: skip
        data[link : link + 4] = struct.pack("<I", len(data))
        data += struct.pack("<H", len(tags))
        for tag, kind, value in tags:
            data += struct.pack("<HHI", tag, kind, 1)
            data += struct.pack("<I", value) if kind == 4 else struct.pack("<HH", value, 0)
        link = len(data)
        data += bytes(4)
    path.write_bytes(bytes(data))


def drawn(rng: np.random.Generator, side: int, rate: float) -> np.ndarray:
    """Electrons (n, 3) of one frame."""
    places = np.flatnonzero(rng.random(side * side) < rate)
    return np.column_stack([places, rng.integers(0, 4, (len(places), 2))])
