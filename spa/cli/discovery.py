"""Entry points read straight from the metadata folders: importlib.metadata alone would cost a third of the start-up."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

GROUP = "spa.plugins"


@dataclass(frozen=True)
class Entry:
    """One entry point of the group: where a plugin is, and whose it is."""

    name: str
    target: str  # "package.module" or "package.module:attribute"
    distribution: str
    version: str

    @property
    def builtin(self) -> bool:
        return self.distribution == "spa"

    @property
    def owner(self) -> str:
        return f"{self.distribution} {self.version}"


def _metadata_folders(folder: str) -> Iterator[tuple[str, str, str]]:
    """(distribution, version, folder) of what is installed in one folder of sys.path."""
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return
    for name in names:
        stem, dot, kind = name.rpartition(".")
        if dot and kind in ("dist-info", "egg-info"):
            distribution, _, rest = stem.partition("-")
            yield distribution, rest.split("-")[0], os.path.join(folder, name)


def _version(metadata: str) -> str:
    """The version that a folder's own name does not tell (what setuptools leaves in a source tree)."""
    try:
        with open(os.path.join(metadata, "PKG-INFO"), encoding="utf-8") as file:
            return next((line.split()[1] for line in file if line.startswith("Version: ")), "")
    except OSError:
        return ""


def _lines_of_group(text: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield name.strip(), target.partition("[")[0].strip()


def normal(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


def entries(group: str = GROUP, path: list[str] | None = None) -> list[Entry]:
    """The entry points of a group; the first of two distributions of one name on the path counts, as for imports.

    Those of spa itself come first, then the others by name.
    """
    found, seen = [], set()
    for folder in dict.fromkeys(sys.path if path is None else path):
        for distribution, version, metadata in _metadata_folders(folder):
            name = normal(distribution)
            if name in seen:
                continue
            seen.add(name)
            try:
                with open(os.path.join(metadata, "entry_points.txt"), encoding="utf-8") as file:
                    text = file.read()
            except OSError:
                continue
            if group in text:
                version = version or _version(metadata)
                found += [Entry(key, target, name, version) for key, target in _lines_of_group(text, group)]
    return sorted(found, key=lambda entry: (not entry.builtin, entry.distribution, entry.name))
