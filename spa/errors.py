"""What can go wrong, and the exit status that each kind means."""

from pathlib import Path


class SpaError(Exception):
    """Anything that a job reports in one line; never the sign of a bug."""

    status = 70
    job = ""  # the job that raised it, as typed; the host's message begins with it


class UsageError(SpaError):
    """The command line asks for something that cannot be."""

    status = 2


class DataError(SpaError):
    """The input is not what the job needs."""

    status = 65


class MissingInput(SpaError):
    """There is no such input; path: of the one file that is not there, where it is one."""

    status = 66

    def __init__(self, message: str, path: str | Path | None = None) -> None:
        super().__init__(message)
        self.path = path


def missing(path: str | Path) -> MissingInput:
    """That a file is not there, and where a relative name was looked for: the folder that the command runs in."""
    where = "" if Path(path).is_absolute() else f" in {Path.cwd()}"
    return MissingInput(f"{path}: no such file{where}", path)


class DeviceError(SpaError):
    """A device or an optional package is missing; the message names the extra to install."""

    status = 69


class WriteError(SpaError):
    """The output cannot be written."""

    status = 73


class ReadError(SpaError):
    """The input is there but cannot be read."""

    status = 74


class Stopped(SpaError):
    """Stopped at a checkpoint by a signal; ``--resume`` goes on from there."""

    status = 75
