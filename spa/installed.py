"""What is installed, and parts of it by themselves, with nothing loaded that a small job does not need.

By the names of metadata folders: importlib.metadata takes a fifth of a small job's start-up.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, util
from types import ModuleType


@dataclass(frozen=True)
class Distribution:
    """name: as the package index compares it; folder: of its metadata."""

    name: str
    version: str
    folder: str


def distributions(path: list[str] | None = None) -> Iterator[Distribution]:
    """Those in the folders of a path, sys.path by default; of two with one name the first counts, as for imports."""
    seen = set()
    for folder in dict.fromkeys(sys.path if path is None else path):
        for name, version, metadata in _metadata_folders(folder):
            if name not in seen:
                seen.add(name)
                yield Distribution(name, version or _told(metadata), metadata)


def part(name: str) -> ModuleType:
    """A module of a package whose own ``__init__``, which imports the others, is not run. ModuleNotFoundError."""
    package = name.partition(".")[0]
    if package in sys.modules:
        return import_module(name)
    spec = util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    sys.modules[package] = util.module_from_spec(spec)
    try:
        return import_module(name)
    finally:
        del sys.modules[package]


def normal(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


def _metadata_folders(folder: str) -> Iterator[tuple[str, str, str]]:
    """(distribution, version, folder) of what is installed in one folder of a path."""
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return
    for name in names:
        stem, dot, kind = name.rpartition(".")
        if dot and kind in ("dist-info", "egg-info"):
            distribution, _, rest = stem.partition("-")
            yield normal(distribution), rest.split("-")[0], os.path.join(folder, name)


def _told(metadata: str) -> str:
    """The version that a folder's own name does not tell (what setuptools leaves in a source tree)."""
    try:
        with open(os.path.join(metadata, "PKG-INFO"), encoding="utf-8") as file:
            return next((line.split()[1] for line in file if line.startswith("Version: ")), "")
    except OSError:
        return ""
