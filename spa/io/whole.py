"""Write a file whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spa.errors import WriteError


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Give ``NAME.part`` to write to; renamed to ``path`` on success, removed on failure.

    A reader never meets half a file. OSError (permission, full disk, missing folder) becomes WriteError.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        _remove(part)
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error
    except BaseException:
        _remove(part)
        raise


def _remove(part: Path) -> None:
    with suppress(OSError):  # the folder itself may be gone or closed to us
        part.unlink(missing_ok=True)


def require_folder(path: str | Path) -> None:
    """WriteError where no file can be written, before hours of work are lost for it: no folder, or itself a folder."""
    folder = Path(path).parent
    why = None
    if Path(path).is_dir():
        why = os.strerror(errno.EISDIR)
    elif not folder.is_dir():
        why = os.strerror(errno.ENOTDIR if folder.exists() else errno.ENOENT)
    elif not os.access(folder, os.W_OK):
        why = os.strerror(errno.EACCES)
    if why:
        raise WriteError(f"{path}: cannot be written: {why}")
