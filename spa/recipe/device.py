"""Who computes what refinements are made of: this processor, or what --device names."""

from spa.errors import DeviceError
from spa.job.run import Run
from spa.refine.engine import CPU, Engine


def engine_of(run: Run) -> Engine:
    """The engine of a run; DeviceError (status 69) says what is missing where its device cannot be had."""
    if run.device == "cpu":
        return CPU
    from spa.gpu.device import open_device
    from spa.refine.engine_cuda import Cuda

    device = open_device(run.device)
    run.note(f"on {device.driver.name}; FFT and matrix products: {device.driver.libraries}")
    return Cuda(device)


def refuse_cuda(run: Run, what: str) -> None:
    """For a part of a job that has no kernels yet: it is never silently run elsewhere."""
    if run.device != "cpu":
        raise DeviceError(f"--device {run.device}: {what} has no CUDA kernels in this version; use --device cpu")
