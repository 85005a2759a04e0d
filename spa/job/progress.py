"""Bars and lines on standard error; the only module that imports tqdm."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def over(
    items: Iterable[Item], total: int | None = None, unit: str = "it", label: str = "", quiet: bool = False
) -> Iterator[Item]:
    """The items, with a bar and the time left while standard error is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(
        items, total=total, unit=unit, desc=label or None, disable=None, dynamic_ncols=True, file=sys.stderr
    )


def line(text: str) -> None:
    """One line on standard error, above the bar when there is one."""
    if "tqdm" in sys.modules and sys.stderr.isatty():
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)
    else:
        print(text, file=sys.stderr, flush=True)
