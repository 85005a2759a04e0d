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

    A reader never meets half a file. A device or a pipe (/dev/null, /dev/stdout) is written into, never replaced.
    OSError (permission, full disk, missing folder) becomes WriteError.
    """
    path = Path(path)
    into = is_stream(path)
    part = _aside(path) if into else path.with_name(path.name + ".part")
    try:
        yield part
        if into:
            _pour(part, path)
        else:
            os.replace(part, path)
    except OSError as error:
        _remove(part)
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error
    except BaseException:
        _remove(part)
        raise


def is_stream(path: str | Path) -> bool:
    """Whether a path names a device, a pipe, or one of this process's streams, rather than a file."""
    path = Path(path).absolute()
    if not path.exists() or path.is_dir():
        return False
    return not path.is_file() or (path.is_symlink() and path.parts[1] in ("dev", "proc"))


def _aside(stream: Path) -> Path:
    """Where the file is made that a stream is to get: beside a device nothing can be."""
    import tempfile

    return Path(tempfile.gettempdir()) / f"spa-{os.getpid()}-{stream.name}.part"


def _pour(part: Path, stream: Path) -> None:
    import shutil

    with part.open("rb") as source, stream.open("ab") as target:
        shutil.copyfileobj(source, target)
    part.unlink()


def _remove(part: Path) -> None:
    with suppress(OSError):  # the folder itself may be gone or closed to us
        part.unlink(missing_ok=True)


def require_folder(path: str | Path) -> None:
    """WriteError where no file can be written, before hours of work are lost for it: no folder, or itself a folder."""
    folder = Path(path).parent
    why = None
    if is_stream(path):
        return
    if Path(path).is_dir():
        why = os.strerror(errno.EISDIR)
    elif not folder.is_dir():
        why = os.strerror(errno.ENOTDIR if folder.exists() else errno.ENOENT)
    elif not os.access(folder, os.W_OK):
        why = os.strerror(errno.EACCES)
    if why:
        raise WriteError(f"{path}: cannot be written: {why}")
