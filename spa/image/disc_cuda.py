"""The coefficients of a disc, by name, on a device."""

from dataclasses import dataclass

from spa.gpu.array import Array
from spa.gpu.device import Device
from spa.image.disc import Disc


@dataclass(frozen=True, eq=False)
class DeviceDisc:
    """kx, ky and shell (K,) int32; all else is the host's."""

    kx: Array
    ky: Array
    shell: Array


def on_device(device: Device, band: Disc) -> DeviceDisc:
    """Those of a disc, brought there once."""
    if band not in device.kept:
        device.kept[band] = DeviceDisc(device.array(band.kx), device.array(band.ky), device.array(band.shell))
    return device.kept[band]
