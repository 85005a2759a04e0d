"""Arrays brought to a device one after another: the next one is on its way while work on one goes on."""

from collections.abc import Iterable, Iterator

import numpy as np

from spa.gpu.array import Array
from spa.gpu.device import Device


def fed(device: Device, source: Iterable[np.ndarray], kept: Array | None = None) -> Iterator[Array]:
    """Each of the source's arrays, all of one shape and type, on the device.

    An array stands until the next but one is asked for; or in its row of `kept`, for good. The source's own memory may
    be used again as soon as its next array is asked for.
    """
    driver = device.driver
    host: list[np.ndarray] = []
    places: list[Array] = []
    sent: list[object] = [None, None]
    waiting: tuple[Array, object] | None = None
    try:
        for number, values in enumerate(source):
            slot = number % 2
            if len(host) <= slot:
                host.append(driver.pinned(values.shape, values.dtype))
                places += [] if kept else [device.empty(*values.shape, dtype=values.dtype)]
            if sent[slot] is not None:
                driver.sent(sent[slot])
            host[slot][...] = values
            place = kept.rows(number, number + 1).shaped(*values.shape) if kept else places[slot]
            sent[slot] = driver.send(place.pointer, host[slot])
            if waiting is not None:
                driver.arrived(waiting[1])
                yield waiting[0]
            waiting = place, sent[slot]
        if waiting is not None:
            driver.arrived(waiting[1])
            yield waiting[0]
    finally:  # the host's memory is given back when nothing comes out of it any more
        for token in sent:
            if token is not None:
                driver.sent(token)
