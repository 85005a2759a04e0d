"""Names of files that mean the same one: as other programs write them, with all their folders or with none."""

import os
from collections.abc import Iterable


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
