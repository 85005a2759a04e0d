"""What jobs write, known by the file itself: whether it may be written over."""

from itertools import islice
from pathlib import Path

MARK = "drawn by spa"  # in every figure, where its format keeps a comment
_LINES = 100_000  # of comments before a table begins


def is_table(path: str | Path) -> bool:
    """Whether a file is a STAR document, or empty."""
    with Path(path).open("rb") as file:
        for line in islice(file, _LINES):
            words = line.strip()
            if words and not words.startswith(b"#"):
                return words.lower().startswith(b"data_")
            if b"\0" in line:
                return False
    return True


def is_figure(path: str | Path) -> bool:
    """Whether a job has drawn it (formats that keep no comment are not known)."""
    return MARK.encode() in Path(path).read_bytes()


def is_page(path: str | Path) -> bool:
    """Whether a file is an HTML document."""
    with Path(path).open("rb") as file:
        return file.read(1024).lstrip().lower().startswith((b"<!doctype html", b"<html"))
