"""Names of files that mean the same one: as other programs write them, with all their folders or with none."""

import os
import re
from collections.abc import Iterable
from pathlib import PurePath

_NUMBERED = re.compile(r"^\d{15,}_")  # what cryoSPARC puts before the names of a job's files
_SUFFIX = re.compile(r"\.(?:mrcs?|tiff?|eer|png|jpe?g|box|cbox|star|txt|cs|gz|bz2)$", re.IGNORECASE)


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


def namesakes(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """For each of the names the known file that it was named after; names that have none, or several, are left out.

    Folders and suffixes do not count, nor cryoSPARC's number before the name, nor words behind either of the two
    (``mic7_autopick`` of ``mic7.mrc``, ``mic7`` of ``mic7_DW.mrc``); a number behind is another name.
    """
    stems: dict[str, set[str]] = {}
    longer: dict[str, set[str]] = {}
    for file in known:
        whole, *short = _roots(file)
        stems.setdefault(whole, set()).add(file)
        for root in short:
            longer.setdefault(root, set()).add(file)
    found = {}
    for name in dict.fromkeys(names):
        whole, *short = _roots(name)
        tries = [stems.get(whole), *(stems.get(root) for root in short), longer.get(whole)]
        here = next((files for files in tries if files), set())
        if len(here) == 1:
            found[name] = next(iter(here))
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


def _roots(name: str) -> list[str]:
    """The stem of a name, and what is left of it without its last word, the last two, and so on."""
    stem = PurePath(name).name
    while shorter := _SUFFIX.sub("", stem):
        if shorter == stem:
            break
        stem = shorter
    stem = _NUMBERED.sub("", stem)
    roots = [stem]
    while match := re.fullmatch(r"(.*\w)[-_. ][A-Za-z]+", roots[-1]):
        roots.append(match.group(1))
    return roots
