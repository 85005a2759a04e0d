"""Images of particles and averages of classes, in the order of any column of their table."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spa.errors import DataError, MissingInput
from spa.io import mrc
from spa.io.stacks import ImageSource, image_name
from spa.io.star import Table, Tables
from spa.job.run import Run
from spa.web import picture
from spa.web.films import lowpassed
from spa.web.page import BadRequest, Picture, Query, number, numbers
from spa_plugins.view.inputs import Shelf, of_kind

ACROSS, DOWN = 8, 8  # images of a sheet
TILE, LARGEST = 128, 512  # pixels of a side, among many and alone
_BEST = ("spaClassSize", "rlnClassDistribution", "rlnAutopickFigureOfMerit")  # what an order begins with
_ORDERS = 24  # kept


@dataclass(eq=False)
class Images:
    """source: reads them; table: of as many rows; kind: particles or classes; pixel: angstroms, 0 where not known."""

    name: str
    kind: str
    source: ImageSource
    table: Table
    pixel: float
    columns: dict[str, np.ndarray] = field(default_factory=dict)

    def values(self, name: str) -> np.ndarray:
        """(n,) of a column of numbers; BadRequest where there is none."""
        if name not in self.columns:
            raise BadRequest(f"{name[:40]!r} is no column of numbers of {self.name}")
        return self.columns[name]


class Stacks:
    """Sets of images by number."""

    def __init__(self, run: Run, shelf: Shelf) -> None:
        self.sets: list[Images] = []
        self._orders: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        for block in ("classes", "model_classes"):
            for tables in of_kind(shelf.tables, block):
                table = tables[block]
                rows = np.array(["@" in str(name) for name in table.get_text("rlnReferenceImage", "")])
                self._add(run, tables, table.take(rows), "classes", "rlnReferenceImage")
        for tables in of_kind(shelf.tables, "particles"):
            self._add(run, tables, tables["particles"], "particles", "rlnImageName")
        known = {path for one in self.sets for path in one.source.paths}
        for path in shelf.stacks:
            if path not in known:
                self._bare(path)

    def __len__(self) -> int:
        return len(self.sets)

    def _add(self, run: Run, tables: Tables, table: Table, kind: str, column: str) -> None:
        if not len(table) or column not in table:
            return
        try:
            source = ImageSource(table.text(column).tolist())
        except MissingInput as error:
            run.warn(f"{tables.source}: its images are not shown: {error}")
            return
        self.sets.append(Images(tables.source, kind, source, table, _pixel(tables, source), _numeric(table)))

    def _bare(self, path: str) -> None:
        count = mrc.read_header(path).shape[0]
        source = ImageSource([image_name(i, path) for i in range(count)])
        self.sets.append(Images(path, "images", source, Table.of(rlnImageName=source.names), source.pixel_size))

    def facts(self) -> dict[str, Any]:
        """The sets: how many images, of which box, with which columns, and what they are ordered by first."""
        return {
            "across": ACROSS, "down": DOWN,
            "sets": [
                {"name": one.name, "kind": one.kind, "count": len(one.source), "pixel": one.pixel,
                 "columns": list(one.columns), "by": next((name for name in _BEST if name in one.columns), "")}
                for one in self.sets
            ],
        }  # fmt: skip

    def order(self, asked: Any) -> dict[str, Any]:
        """Rows in their order, and the value of each in the column that they are ordered by."""
        one, by, turned, only = self._asked(asked if isinstance(asked, dict) else {})
        rows = self._order(one, by, turned, only)
        return {"rows": rows.tolist(), "values": numbers(one.values(by)[rows]) if by else None}

    def row(self, asked: Any) -> dict[str, str]:
        """What the table says of an image."""
        one = self._one(asked)
        row = asked.get("row")
        if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < len(one.source):
            raise BadRequest(f"{str(row)[:40]!r} is no row of {one.name}")
        return {name: str(one.table.text(name)[row]) for name in one.table.columns}

    def sheet(self, query: Query) -> Picture:
        """JPEG of the ``number``-th ACROSS x DOWN images in an order: ``of`` a set, ``by``, ``turned``, ``only``."""
        words: dict[str, Any] = {name: query.text(name) for name in ("by", "turned", "only")}
        one, by, turned, only = self._asked(words | {"of": query.whole("of", len(self.sets), 0)})
        rows = self._order(one, by, turned, only)
        many = ACROSS * DOWN
        first = many * query.whole("number", -(-len(rows) // many))
        images = one.source.read(rows[first : first + many])
        tiles = [_grey(one, image, query.number("lowpass", 0, 500, 0), TILE) for image in images]
        return picture.jpeg(picture.sheet(tiles, ACROSS, DOWN), 90)

    def image(self, query: Query) -> Picture:
        """PNG of the row ``number`` of the set ``of``, low-passed at ``lowpass`` angstroms unless that is 0."""
        one = self.sets[query.whole("of", len(self.sets), 0)]
        row = query.whole("number", len(one.source))
        return picture.png(_grey(one, one.source.read([row])[0], query.number("lowpass", 0, 500, 0), LARGEST))

    def _one(self, asked: Any) -> Images:
        of = asked.get("of") if isinstance(asked, dict) else None
        if isinstance(of, bool) or not isinstance(of, int) or not 0 <= of < len(self.sets):
            raise BadRequest(f"{str(of)[:40]!r} is no set of images")
        return self.sets[of]

    def _asked(self, words: dict[str, Any]) -> tuple[Images, str, bool, int]:
        """Set, column ("" for the rows' own order), whether the other end comes first, class (0 for all)."""
        one, by = self._one(words), str(words.get("by") or "")
        if by:
            one.values(by)
        return one, by, words.get("turned") in (True, "true"), int(number(words.get("only") or 0, "only", 0, 1e6))

    def _order(self, one: Images, by: str, turned: bool, only: int) -> np.ndarray:
        key = (id(one), by, turned, only)
        with self._lock:
            if key not in self._orders:
                self._orders[key] = _ordered(one, by, turned, only)
                while len(self._orders) > _ORDERS:
                    self._orders.popitem(last=False)
            return self._orders[key]


def _ordered(one: Images, by: str, turned: bool, only: int) -> np.ndarray:
    """Rows, the largest value first unless turned; unknown values come last."""
    rows = np.arange(len(one.source))
    if only:
        rows = rows[one.values("rlnClassNumber") == only]
    if by:
        values = one.values(by)[rows]
        rows = rows[np.argsort(np.nan_to_num(values if turned else -values, nan=np.inf), kind="stable")]
    elif turned:
        rows = rows[::-1]
    return rows


def _pixel(tables: Tables, source: ImageSource) -> float:
    """Angstroms a pixel: of the optics, or else of the file."""
    if "optics" in tables and "rlnImagePixelSize" in tables["optics"] and len(tables["optics"]):
        return float(tables["optics"].floats("rlnImagePixelSize")[0])
    return source.pixel_size


def _numeric(table: Table) -> dict[str, np.ndarray]:
    """Columns of numbers that are not all one."""
    found = {}
    for name in table.columns:
        try:
            values = table.floats(name, missing=np.nan)
        except DataError:
            continue  # a text
        if np.isfinite(values).any() and (len(values) == 1 or np.nanmin(values) < np.nanmax(values)):
            found[name] = values
    return found


def _grey(one: Images, image: np.ndarray, lowpass: float, largest: int) -> np.ndarray:
    if lowpass and one.pixel:
        image = lowpassed(image, one.pixel, lowpass, 4 * one.source.box * one.pixel)
    small = picture.binned(image, -(-one.source.box // largest))
    return picture.levelled(small) if one.kind == "particles" else picture.stretched(small)
