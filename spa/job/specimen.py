"""Reading what the simulations image: the file behind ``--map`` or ``--model``."""

from spa.errors import DataError, UsageError
from spa.io import atoms, mrc, pixels


def read(map_file: str | None, model: str | None, assembly: str | None) -> mrc.Image | atoms.Atoms | None:
    """A map, the atoms of a model (with its assembly built), or None when neither is named."""
    if map_file and model:
        raise UsageError("--map and --model: give one of them")
    if assembly and not model:
        raise UsageError("--assembly: it belongs to a --model")
    if model:
        return atoms.read(model, assembly)
    if not map_file:
        return None
    found = mrc.read(map_file)
    if found.data.ndim != 3:
        raise DataError(f"{map_file}: a map (3-D) is needed, this is one image")
    if len(set(found.data.shape)) != 1:
        raise DataError(f"{map_file}: a cubic map is needed, this is {' x '.join(map(str, found.data.shape))}")
    if found.pixel_size <= 0:
        raise DataError(f"{map_file}: no pixel size in its header")
    pixels.require_finite(found.data, map_file)
    if not found.data.max() > 0:
        raise DataError(f"{map_file}: no positive density in it")
    return found
