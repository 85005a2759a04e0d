"""Who computes what refinements are made of: this processor, or what --device names."""

from typing import TYPE_CHECKING

from spa.errors import DeviceError
from spa.gpu.names import numbers
from spa.job.run import Run

if TYPE_CHECKING:
    from spa.gpu.device import Device
    from spa.refine.engine import Engine


def engine_of(run: Run) -> "Engine":
    """The engine of a run; DeviceError (status 69) says what is missing where its device cannot be had."""
    if len(numbers(run.device)) > 1:
        return _several(run)
    device = device_of(run)
    if device is None:
        from spa.refine.engine import CPU

        return CPU
    from spa.refine.engine_cuda import Cuda

    return Cuda(device)


def _several(run: Run) -> "Engine":
    from spa.gpu.device import open_device
    from spa.refine.engine_cuda import Cuda
    from spa.refine.several_cuda import Several

    devices = [open_device(f"cuda:{number}") for number in numbers(run.device)]
    for device in devices:
        _note(run, device)
    return Several([Cuda(device) for device in devices])


def device_of(run: Run) -> "Device | None":
    """The device of a run, None for this processor; DeviceError as above."""
    if run.device == "cpu":
        return None
    from spa.gpu.device import open_device

    device = open_device(run.device)
    _note(run, device)
    return device


def _note(run: Run, device: "Device") -> None:
    run.note(f"on {device.driver.name}; FFT and matrix products: {device.driver.libraries}")


def refuse_cuda(run: Run, what: str) -> None:
    """For a part of a job that has no kernels yet: it is never silently run elsewhere."""
    if run.device != "cpu":
        raise DeviceError(f"--device {run.device}: {what} has no CUDA kernels in this version; use --device cpu")
