"""cryoSPARC's datasets: ``.cs`` files are numpy structured arrays, one row a particle, fields named ``group/field``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, ReadError, missing

_NUMPY = b"\x93NUMPY"
_STREAM = b"\x94CSDAT"


def read(path: str | Path, passthrough: Sequence[str | Path] = ()) -> np.ndarray:
    """A dataset, with the fields that it lacks taken from its passthrough files, joined by ``uid``.

    Raises MissingInput, ReadError (truncated), DataError (not a dataset, no uid, a uid without its partner).
    """
    data = _load(Path(path))
    for other in passthrough:
        data = joined(data, _load(Path(other)), str(path), str(other))
    return data


def joined(data: np.ndarray, other: np.ndarray, name: str, other_name: str) -> np.ndarray:
    """``data`` with the fields that only ``other`` has, row by row of the same ``uid``."""
    for array, where in ((data, name), (other, other_name)):
        if "uid" not in (array.dtype.names or ()):
            raise DataError(f"{where}: no uid in it, so it cannot be joined with another file")
    order = np.argsort(other["uid"], kind="stable")
    sorted_uid = other["uid"][order]
    if len(sorted_uid) > 1 and (sorted_uid[1:] == sorted_uid[:-1]).any():
        raise DataError(f"{other_name}: a uid is there twice")
    at = np.minimum(np.searchsorted(sorted_uid, data["uid"]), max(len(order) - 1, 0))
    found = sorted_uid[at] == data["uid"] if len(order) else np.zeros(len(data), bool)
    if not found.all():
        row = int(np.flatnonzero(~found)[0])
        raise DataError(
            f"{other_name}: {np.count_nonzero(~found)} of the {len(data)} particles of {name} are not in it "
            f"(the first is row {row + 1}, uid {data['uid'][row]})"
        )
    new = [field for field in other.dtype.names or () if field not in (data.dtype.names or ())]
    result = np.empty(len(data), [*_fields(data, data.dtype.names or ()), *_fields(other, new)])
    for field in data.dtype.names or ():
        result[field] = data[field]
    for field in new:
        result[field] = other[field][order[at]]
    return result


def paths(values: np.ndarray) -> list[str]:
    """File names from fixed-width bytes or text; cryoSPARC's mark ``>`` (under the project's folder) is left out."""
    texts = [value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value) for value in values]
    return [text.removeprefix(">") for text in texts]


def locations(data: np.ndarray, invert_y: bool = False) -> dict[str, Any]:
    """RELION's columns of what a dataset says of places: micrographs, coordinates in their pixels; empty if nothing.

    invert_y: count the coordinates' rows from the other end, for micrographs whose rows run the other way.
    """
    fields = set(data.dtype.names or ())
    if "location/micrograph_path" not in fields:
        return {}
    columns: dict[str, Any] = {"rlnMicrographName": paths(data["location/micrograph_path"])}
    if {"location/center_x_frac", "location/center_y_frac", "location/micrograph_shape"} <= fields:
        ny, nx = data["location/micrograph_shape"].astype(np.float64).T
        y = data["location/center_y_frac"].astype(np.float64)
        columns["rlnCoordinateX"] = np.round(data["location/center_x_frac"] * nx, 3)
        columns["rlnCoordinateY"] = np.round((1 - y if invert_y else y) * ny, 3)
    return columns


def _fields(array: np.ndarray, names: Sequence[str]) -> list[tuple]:
    return [(name, array.dtype[name].base, array.dtype[name].shape) for name in names]


def _load(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as stream:
            magic = stream.read(6)
            stream.seek(0)
            if magic == _STREAM:
                raise DataError(f"{path}: cryoSPARC's CSDAT stream; save it in numpy's format")
            if magic != _NUMPY:
                raise DataError(f"{path}: not a cryoSPARC dataset (no numpy array in it)")
            data = np.load(stream, allow_pickle=False)
    except FileNotFoundError as error:
        raise missing(path) from error
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise ReadError(f"{path}: truncated or damaged: {error}") from error
    if data.dtype.names is None or data.ndim != 1:
        raise DataError(f"{path}: not a cryoSPARC dataset (an array without named fields)")
    if not len(data):
        raise DataError(f"{path}: no particles in it")
    return data
