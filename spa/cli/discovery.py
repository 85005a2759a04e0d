"""Entry points read straight from the metadata folders."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from spa.installed import distributions

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


def _lines_of_group(text: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield name.strip(), target.partition("[")[0].strip()


def entries(group: str = GROUP, path: list[str] | None = None) -> list[Entry]:
    """The entry points of a group; the first of two distributions of one name on the path counts, as for imports.

    Those of spa itself come first, then the others by name.
    """
    found = []
    for one in distributions(path):
        try:
            with open(os.path.join(one.folder, "entry_points.txt"), encoding="utf-8") as file:
                text = file.read()
        except OSError:
            continue
        if group in text:
            found += [Entry(key, target, one.name, one.version) for key, target in _lines_of_group(text, group)]
    return sorted(found, key=lambda entry: (not entry.builtin, entry.distribution, entry.name))
