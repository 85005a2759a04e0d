"""What torch calls the device that --device names."""

import torch

from spa.errors import DeviceError, UsageError


def named(device: str) -> str:
    """torch's name of --device; DeviceError where torch has it not, UsageError for several."""
    if device == "cpu":
        return device
    if "," in device:
        raise UsageError(f"--device {device}: the networks are trained on one device")
    if not torch.cuda.is_available():
        raise DeviceError(f"--device {device}: this torch finds no CUDA device; use --device cpu")
    return device
