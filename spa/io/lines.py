"""Read a text file by lines."""

from pathlib import Path

from spa.errors import DataError, ReadError, missing


def lines(path: str | Path, wanted: str = "a text file", errors: str = "strict") -> list[str]:
    """Its lines, in UTF-8. errors: what becomes of bytes that are none, as str.decode has it.

    Raises MissingInput, ReadError, DataError (not what is wanted: no text).
    """
    try:
        return Path(path).read_text("utf-8", errors).splitlines()
    except FileNotFoundError as error:
        raise missing(path) from error
    except UnicodeDecodeError:
        raise DataError(f"{path}: not {wanted}") from None
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from error
