"""Names of files that mean the same one: as other programs write them, with all their folders or with none."""

import os
from collections.abc import Iterable
from pathlib import PurePath


def partners(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """For each of the names the known one that is the same file; names that have none are left out.

    The same name, or the same path from this folder, or a name without a folder that ends one known path alone.
    """
    exact = dict.fromkeys(known)
    places = {os.path.abspath(name): name for name in exact}
    ends: dict[str, list[str]] = {}
    for name in exact:
        ends.setdefault(os.path.basename(name), []).append(name)
    found = {}
    for name in dict.fromkeys(names):
        same = name if name in exact else places.get(os.path.abspath(name))
        ended = ends.get(name, [])
        partner = same or (ended[0] if len(ended) == 1 else None)
        if partner is not None:
            found[name] = partner
    return found


def titles(names: Iterable[str]) -> dict[str, str]:
    """What a figure calls each file: its stem, with as few of its last folders as tell all of them apart."""
    parts = {name: PurePath(name).with_suffix("").parts for name in names}
    longest = max((len(one) for one in parts.values()), default=1)
    short: dict[str, str] = {}
    for count in range(1, longest + 1):
        short = {name: "/".join(one[-count:]) for name, one in parts.items()}
        if len(set(short.values())) == len(parts):
            break
    return short
