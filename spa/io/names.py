"""File names from patterns."""

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from spa.errors import MissingInput


def expanded(patterns: Sequence[str]) -> list[str]:
    """The files that names and shell patterns (``**`` too) stand for: a pattern's in natural order, none twice.

    A name that is no file is kept: reading it says what is wrong. MissingInput for a pattern that fits nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        names = [pattern]
        if glob.has_magic(pattern) and not Path(pattern).exists():
            names = sorted(glob.glob(pattern, recursive=True), key=natural)
            if not names:
                raise MissingInput(f"{pattern}: no file fits this pattern")
        found.update(dict.fromkeys(names))
    return list(found)


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that puts ``m2`` before ``m10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
