"""What --device says: cpu, cuda, cuda:N or cuda:N,M."""

import re

from spa.errors import DeviceError

FORM = re.compile(r"cpu|cuda(:\d+(,\d+)*)?")
EXTRA = "pip install 'spa[gpu-cuda13]' (CUDA 12: 'spa[gpu-cuda12]')"


def numbers(name: str) -> tuple[int, ...]:
    """The devices that a name means, () for the CPU; DeviceError for anything else."""
    if name == "cpu":
        return ()
    if not FORM.fullmatch(name):
        raise DeviceError(f"--device {name}: it is cpu, cuda, cuda:N or cuda:N,M")
    found = tuple(map(int, name.partition(":")[2].split(","))) if ":" in name else (0,)
    if len(set(found)) < len(found):
        raise DeviceError(f"--device {name}: a device is named twice")
    return found
