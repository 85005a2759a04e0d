"""What torch calls the device that --device names."""

import torch

from spa.errors import DeviceError


def named(device: str) -> str:
    """torch's name of one --device; DeviceError where torch has it not."""
    if device == "cpu":
        return device
    if not torch.cuda.is_available():
        raise DeviceError(f"--device {device}: this torch finds no CUDA device; use --device cpu")
    return device
