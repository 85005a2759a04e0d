"""What is fed to a device arrives as it was, whatever the source does to its memory afterwards."""

from collections.abc import Iterator

import numpy as np
import pytest

from spa.gpu.device import Device
from spa.gpu.feed import fed


def counted(number: int, out: np.ndarray) -> Iterator[np.ndarray]:
    """The same memory again and again, with other numbers in it."""
    for value in range(number):
        out[...] = value + np.arange(out.size).reshape(out.shape)
        yield out


@pytest.mark.parametrize("number", [0, 1, 2, 7])
@pytest.mark.parametrize("keep", [False, True])
def test_all_arrive_in_order(device: Device, number: int, keep: bool) -> None:
    kept = device.zeros(max(number, 1), 5, 4, dtype=np.int16) if keep else None
    found = [one.get() for one in fed(device, counted(number, np.zeros((5, 4), np.int16)), kept)]
    wanted = [one.copy() for one in counted(number, np.zeros((5, 4), np.int16))]
    assert len(found) == number and all(np.array_equal(a, b) for a, b in zip(found, wanted))
    if kept is not None and number:
        np.testing.assert_array_equal(kept.get(), wanted)
