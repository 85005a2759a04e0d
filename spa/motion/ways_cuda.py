"""The heavy parts of a movie on a device: `spa.motion.ways.Ways` by the functions' twins."""

from functools import partial

from spa.gpu.device import Device
from spa.motion import frames_cuda, patches_cuda, sums_cuda, whole_cuda
from spa.motion.ways import Ways


def on(device: Device) -> Ways:
    """Frames are arrays on that device."""
    return Ways(
        frames_cuda.reduced, frames_cuda.shrunk, partial(whole_cuda.Groups, device), patches_cuda.cut,
        partial(sums_cuda.Sums, device), partial(sums_cuda.Spectrum, device),
    )  # fmt: skip
