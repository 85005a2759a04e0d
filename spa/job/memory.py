"""The plan before the work: what does not fit is refused at the start, with the figures."""

import ctypes
import time
from pathlib import Path

from spa.errors import DeviceError

CGROUPS = (  # limit, use
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


_KEPT = 2**30  # bytes of freed memory that a job keeps at most at the end of its heap
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_PAGE, _HUGEPAGE, _NOHUGEPAGE = 2**21, 14, 15  # of x86-64 and most others; Linux's words for madvise
_SLOW = 10**6  # ns that a large page takes where the system has none at hand: clearing takes a tenth of it
_never_used = _at_first = 0  # bytes at the heap's end that nothing has touched, and of the heap as long as that is so


def reuse() -> None:
    """Have the C library (glibc) use the memory of freed arrays again from the first on, the largest too: the system
    clears pages that are given back and asked for anew, a third of the time of large boxes. Threads take it from one
    place: their own are small, and are given back when they are empty."""
    found = getattr(ctypes.CDLL(None), "mallopt", None)
    if found is not None:
        found(_MMAP_MAX, 0)  # what is mapped alone is given back as soon as it is freed
        found(_TRIM_THRESHOLD, _KEPT)
        found(_ARENA_MAX, 1)


def ready(wanted: int) -> None:
    """Take memory that is soon used (bytes) in large pages, as far as the system has them at hand, and half of what a
    job may keep; after `reuse`.

    Thousands of small pages are a tenth of a short job. Where a virtual machine's host took back what was free, though,
    a large page costs eight times what as many small ones do: the rest is left to come in small ones.
    """
    global _never_used, _at_first
    if _heap() is None:  # no glibc
        return
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    wanted = min(wanted, _KEPT // 2)
    start = library.malloc(ctypes.c_size_t(wanted))
    if not start:
        return
    at, end = -(-start // _PAGE) * _PAGE, (start + wanted) // _PAGE * _PAGE
    library.madvise(ctypes.c_void_p(at), ctypes.c_size_t(max(0, end - at)), _HUGEPAGE)
    while at < end:
        before = time.thread_time_ns()
        ctypes.memset(at, 0, 1)
        at += _PAGE
        if time.thread_time_ns() - before > _SLOW:
            library.madvise(ctypes.c_void_p(at), ctypes.c_size_t(end - at), _NOHUGEPAGE)
            break
    library.free(ctypes.c_void_p(start))
    heap = _heap()
    _never_used, _at_first = max(0, start + wanted - at), heap.arena if heap else 0


class _Heap(ctypes.Structure):
    """The C library's `struct mallinfo2`: sizes in bytes."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
                                                     "fsmblks", "uordblks", "fordblks", "keepcost")]  # fmt: skip


def _heap() -> _Heap | None:
    """What the C library says of its memory; None when none can tell."""
    found = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if found is None:
        return None
    found.restype = _Heap
    heap: _Heap = found()
    return heap


def kept() -> int:
    """Bytes that this process has freed and keeps in one piece, at the end of its heap; 0 when none can tell."""
    heap = _heap()
    if heap is None:
        return 0
    never_used = _never_used if heap.arena <= _at_first else 0
    return max(0, int(heap.keepcost) - never_used)


def _number(path: str) -> int | None:
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def available() -> int | None:
    """Bytes that can be had without swapping, within the limits of the container and with what the process `kept`;
    None when the system does not say."""
    found = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024 * int(line.split()[1]))
    except OSError:
        pass
    for limit, use in CGROUPS:
        most, now = _number(limit), _number(use)
        if most is not None and now is not None:
            found.append(max(0, most - now))
    return min(found) + kept() if found else None


def require(wanted: int, what: str) -> None:
    """Refuse what needs more memory than there is.

    wanted: bytes at the peak. Raises DeviceError with both figures.
    """
    there = available()
    if there is not None and wanted > there:
        raise DeviceError(f"{what} needs {wanted / 2**30:.1f} GiB of memory; {there / 2**30:.1f} GiB are free")
