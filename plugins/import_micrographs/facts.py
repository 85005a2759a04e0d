"""What the headers of micrographs say, and what must be told beside."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from spa.errors import DataError, UsageError
from spa.io import mrc, pixels


def facts(path: str) -> dict[str, Any]:
    """Size and pixel size of one micrograph; DataError where the file is not a single image, or holds no numbers."""
    header = mrc.read_header(path)
    if header.shape[0] != 1:
        raise DataError(f"{path}: {header.shape[0]} images in it, not one; movies go through import movies")
    if header.mode == 4:
        raise DataError(f"{path}: a transform (mode 4), not an image")
    if min(header.shape[1:]) < 64:
        raise DataError(f"{path}: {header.shape[2]} x {header.shape[1]} pixels, too small for a micrograph")
    found = mrc.read(path).data
    pixels.require_finite(found, path)
    pixels.require_contrast(found, path)
    return {"ny": header.shape[1], "nx": header.shape[2], "pixel_size": header.pixel_size}


def common_pixel_size(micrographs: Sequence[tuple[str, Mapping[str, Any]]]) -> float:
    """The pixel size (angstroms) that all headers agree on to 1 in 1000.

    UsageError where they say none, or 1, which is what programs write that do not know; DataError where they differ.
    """
    sizes = Counter(round(found["pixel_size"], 5) for _, found in micrographs)
    usual = sizes.most_common(1)[0][0]
    for name, found in micrographs:
        if abs(found["pixel_size"] - usual) > 1e-3 * usual:
            raise DataError(
                f"{name}: {found['pixel_size']:g} A a pixel in its header, but most have {usual:g}; "
                "import them apart, or say --pixel-size"
            )
    if not 0.1 < usual < 50 or usual == 1.0:
        said = f"say {usual:g} A, which is no pixel size" if usual > 0 else "say no pixel size"
        raise UsageError(f"the headers {said}; say --pixel-size")
    return float(usual)
