"""What --device may say, and that a job for one device says so of several."""

import pytest

from spa.errors import DeviceError
from spa.gpu.device import open_device
from spa.gpu.names import numbers


@pytest.mark.parametrize("name, wanted", [("cpu", ()), ("cuda", (0,)), ("cuda:3", (3,)), ("cuda:0,2", (0, 2))])
def test_numbers(name: str, wanted: tuple[int, ...]) -> None:
    assert numbers(name) == wanted


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:a", "cuda:1,", "cuda:1,1", "cpu:0"])
def test_nonsense_is_refused(name: str) -> None:
    with pytest.raises(DeviceError, match="--device"):
        numbers(name)


def test_one_device_is_opened_not_several() -> None:
    with pytest.raises(DeviceError, match="name one of them"):
        open_device("cuda:0,1")
