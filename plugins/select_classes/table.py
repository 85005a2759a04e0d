"""The classes of a table: their averages or maps, and what it says of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spa.errors import DataError, UsageError
from spa.io import mrc, pixels
from spa.io.stacks import parse_name
from spa.io.star import Table, Tables
from spa.job import maps
from spa_plugins.select_classes.features import Features, features
from spa_plugins.select_classes.judge import EVIDENCE, SHOWN, Measured

_BLOCKS = ("classes", "model_classes")
_EVIDENCE = "spaParticleEvidence"


def parse_classes(text: str) -> list[int]:
    """``"1,4-7"`` -> [1, 4, 5, 6, 7]; UsageError for what is no list of numbers."""
    chosen: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise UsageError(f"--classes {text}: {piece.strip()!r} is no class and no range such as 4-7")
        low, high = int(first), int(last) if dash else int(first)
        if low < 1 or high < low:
            raise UsageError(f"--classes {text}: {piece.strip()!r} is an empty range; classes count from 1")
        chosen.update(range(low, high + 1))
    return sorted(chosen)


def spelt(numbers: np.ndarray) -> str:
    """[1, 4, 5, 6, 7] -> ``"1,4-7"``; in ascending order."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ",".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs if len(run))


def model_of(tables: Tables) -> Tables:
    """The document, which has a table of classes; DataError where it has none."""
    if not any(name in tables for name in _BLOCKS):
        raise DataError(f"{tables.source}: neither {' nor '.join(f'data_{name}' for name in _BLOCKS)} in it (--model)")
    return tables


@dataclass(frozen=True, eq=False)
class Classified:
    """Particles in classes; model: a document with the classes' own table where the particles' has none."""

    tables: Tables
    model: Tables | None = None

    @cached_property
    def number(self) -> np.ndarray:
        """(n,) class of each particle, from 1."""
        table = self.tables["particles"]
        if not len(table):
            raise DataError(f"{table.where} has no rows")
        number = table.ints("rlnClassNumber")
        if number.min() < 1:
            row = int(number.argmin())
            raise DataError(f"{table.where} row {row + 1}: rlnClassNumber is {number[row]}, not 1 or more")
        return number

    @cached_property
    def block(self) -> tuple[str, Table]:
        """Name and table of the classes."""
        for tables in filter(None, (self.model, self.tables)):
            for name in _BLOCKS:
                if name in tables:
                    return name, tables[name]
        source = (self.model or self.tables).source
        raise DataError(f"{source}: no data_classes in it, which --auto, --plot and --web need (see --model)")

    @property
    def count(self) -> int:
        """How many classes there are, empty ones too."""
        try:
            return max(len(self.block[1]), int(self.number.max()))
        except DataError:
            return int(self.number.max())

    @cached_property
    def images(self) -> np.ndarray:
        """(classes, box, box): averages, or the maps of 3-D classes seen along z."""
        return np.stack([views(one)[0] for one in self.averages])

    @cached_property
    def averages(self) -> list[np.ndarray]:
        """Of each class its average (box, box), or its map (box, box, box), in the file's own type."""
        names = self.block[1].text("rlnReferenceImage")
        if len(names) < self.number.max():
            raise DataError(f"{self.block[1].where}: {len(names)} classes, but particles of class {self.number.max()}")
        held: dict[str, np.ndarray] = {}
        out = []
        for name in names:
            index, path = parse_name(name)
            if path not in held:
                held[path] = mrc.read(path).data
                pixels.require_finite(held[path], path)
            out.append(_of_file(held[path], index, "@" in name, name))
        return out

    @cached_property
    def mapped(self) -> set[int]:
        """Classes whose maps are in the stream: none where classes are 2-D, whatever maps there are of the particle."""
        if maps.BLOCK not in self.tables or "classes" not in self.tables:
            return set()
        averages = set(self.tables["classes"].get_text("rlnReferenceImage", ""))
        table = self.tables[maps.BLOCK]
        return {int(one) for one, name in zip(table.ints(maps.CLASS), table.text(maps.NAME)) if name in averages}

    @cached_property
    def sizes(self) -> np.ndarray:
        """(classes,) particles of each."""
        return np.bincount(self.number - 1, minlength=self.count)

    @property
    def solid(self) -> bool:
        """Whether classes are 3-D."""
        return any(one.ndim == 3 for one in self.averages)

    @cached_property
    def evidence(self) -> np.ndarray:
        """(classes,) how much likelier a class's images are than empty ones, log units; nan: not known.

        Jobs of 3-D classes tell it in a column of their own: RELION's is there for the height of the best pose.
        """
        gain = self.tables["particles"].get_floats(_EVIDENCE if self.solid else "rlnLogLikeliContribution", np.nan)
        if self.block[0] != "classes":  # RELION's has another zero
            gain = np.full(len(gain), np.nan)
        sums = np.bincount(self.number - 1, gain, self.count)
        return np.where(self.sizes > 0, sums / np.maximum(self.sizes, 1), np.nan)

    @cached_property
    def measured(self) -> Measured:
        """Features of every class, its size, its resolution, and how much likelier its images are than empty ones."""
        found = [_joined([features(view) for view in views(one)]) for one in self.averages]
        resolution = self.block[1].get_floats("rlnEstimatedResolution", np.nan)
        return Measured(found, self.sizes, resolution, self.evidence, SHOWN if self.solid else EVIDENCE)


def _of_file(data: np.ndarray, index: int, in_stack: bool, name: str) -> np.ndarray:
    """An average out of a stack, or a file's one map or image."""
    if in_stack or data.ndim == 2 or len(data) == 1:
        images = data.reshape((-1,) + data.shape[-2:])
        if index >= len(images):
            raise DataError(f"{name}: the stack has {len(images)} images")
        return np.asarray(images[index])
    return data


def views(data: np.ndarray) -> np.ndarray:
    """float32 (1, box, box) of an average, (3, box, box) of a map: its sums along z, y and x."""
    if data.ndim == 2:
        return np.asarray(data, np.float32)[None]
    return np.stack([data.sum(axis, dtype=np.float32) for axis in range(3)])


def _joined(views: list[Features]) -> Features:
    """The middle of what the views of a map show."""
    names = Features.__dataclass_fields__
    return Features(**{name: float(np.median([getattr(view, name) for view in views])) for name in names})
