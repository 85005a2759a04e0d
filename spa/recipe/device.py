"""Who computes what refinements are made of: this processor, or what --device names."""

from typing import TYPE_CHECKING

from spa.errors import DeviceError
from spa.job.run import Run
from spa.refine.engine import CPU, Engine

if TYPE_CHECKING:
    from spa.gpu.device import Device


def engine_of(run: Run) -> Engine:
    """The engine of a run; DeviceError (status 69) says what is missing where its device cannot be had."""
    device = device_of(run)
    if device is None:
        return CPU
    from spa.refine.engine_cuda import Cuda

    return Cuda(device)


def device_of(run: Run) -> "Device | None":
    """The device of a run, None for this processor; DeviceError as above."""
    if run.device == "cpu":
        return None
    from spa.gpu.device import open_device

    device = open_device(run.device)
    run.note(f"on {device.driver.name}; FFT and matrix products: {device.driver.libraries}")
    return device


def refuse_cuda(run: Run, what: str) -> None:
    """For a part of a job that has no kernels yet: it is never silently run elsewhere."""
    if run.device != "cpu":
        raise DeviceError(f"--device {run.device}: {what} has no CUDA kernels in this version; use --device cpu")
