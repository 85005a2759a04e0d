"""Named arrays in one file (.npz): nothing in it is ever run."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spa.errors import DataError, ReadError, missing
from spa.io.whole import whole

DAMAGED = (ValueError, zipfile.BadZipFile, EOFError, KeyError)  # what numpy says of a file that is no whole .npz


def read(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of a file. MissingInput, ReadError, or DataError for a file that is something else."""
    try:
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
            if not hasattr(found, "files"):
                raise DataError(f"{path}: one array, where a file of named arrays (.npz) is wanted")
            return {name: found[name] for name in found.files}
    except FileNotFoundError:
        raise missing(path) from None
    except DAMAGED:
        raise DataError(f"{path}: not a whole file of named arrays (.npz)") from None
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}") from None


def write(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays, whole or not at all; the same arrays give the same bytes."""
    with whole(path) as part, open(part, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
