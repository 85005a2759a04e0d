"""What a report is made from: records of jobs, histories of tables, pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spa.errors import DataError, MissingInput
from spa.io import star
from spa.job import history

PICTURES = (".png", ".jpg", ".jpeg", ".svg")


@dataclass
class Sources:
    """trails: histories, oldest step first; records: job.json by folder; roots: where other folders are sought."""

    name: str = ""
    trails: list[list[str]] = field(default_factory=list)
    records: dict[Path, dict[str, Any]] = field(default_factory=dict)
    roots: list[Path] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)


def found(paths: Sequence[str]) -> Sources:
    """Read what is named. MissingInput (66) for what is not there, DataError (65) for what no job left."""
    sources = Sources()
    for path in map(Path, paths):
        if not path.exists():
            raise MissingInput(f"{path}: no such file or folder", path)
        if path.is_dir():
            _folders(sources, path)
        elif path.suffix.lower() in PICTURES:
            sources.pictures.append(path)
        else:
            _table(sources, path)
    if not sources.trails:
        raise DataError(f"{paths[0]}: no job left this: name its folder (with job.json) or its table")
    sources.trails = _longest(sources.trails)
    _beside(sources)
    sources.name = sources.name or "spa"
    return sources


def _folders(sources: Sources, path: Path) -> None:
    if (path / "job.json").exists():
        inside = [path]
    else:
        inside = sorted(one.parent for one in path.glob("*/job.json"))
        if not inside:
            raise DataError(f"{path}: no job.json here, nor in a folder in it: not the work of a job")
    for folder in inside:
        record = history.read_record(folder) or {}
        given = str(record.get("options", {}).get("outdir") or folder.name)
        trail = _trail(record)
        if not trail:
            raise DataError(f"{folder / 'job.json'}: not the record of a job")
        sources.records[folder.resolve()] = record
        sources.trails.append(trail)
        _add_root(sources, root_of(folder.resolve(), given))


def _table(sources: Sources, path: Path) -> None:
    steps = star.read(path).history
    if not steps:
        raise DataError(f"{path}: no job printed this table: it has no '# spa:' lines")
    sources.trails.append(list(steps))
    _add_root(sources, path.resolve().parent)


def _longest(trails: list[list[str]]) -> list[list[str]]:
    """Without steps that stand alone (records of older versions know no others) and are part of another history."""
    return [trail for trail in trails
            if len(trail) > 1 or not any(trail[0] in other for other in trails if len(other) > 1)]  # fmt: skip


def _add_root(sources: Sources, root: Path) -> None:
    sources.name = sources.name or root.name
    if root not in sources.roots:
        sources.roots.append(root)


def root_of(place: Path, outdir: str) -> Path:
    """The folder that a job was called in: where its --outdir leads to where its job.json is, moved or not."""
    depth = 1 if Path(outdir).is_absolute() else sum(part != ".." for part in Path(outdir).parts)
    return place.parents[min(max(depth, 1), len(place.parents)) - 1]


def _trail(record: dict[str, Any]) -> list[str]:
    """The steps that a folder's table came through, its own last."""
    trail = record.get("history")
    if isinstance(trail, list) and trail:
        return [str(step) for step in trail]
    return [own_step(record)] if record.get("job") else []


def own_step(record: dict[str, Any]) -> str:
    """The line that the job of a record adds to a table."""
    job, owner = str(record["job"]), record.get("plugin")
    words = str(record.get("command", "")).removeprefix(f"spa {job}").strip()
    return " ".join(filter(None, [str(record.get("version", "")), job, f"[{owner}]" if owner else "", words]))


def _beside(sources: Sources) -> None:
    """Records of the folders that the histories name, where they stand beside those that were given."""
    for folder in outdirs(step for trail in sources.trails for step in trail):
        for root in sources.roots:
            place = (root / folder).resolve()
            if place not in sources.records and (place / "job.json").is_file():
                record = history.read_record(place)
                if record and record.get("job"):
                    sources.records[place] = record


def outdirs(steps: Iterable[str]) -> list[str]:
    """The folders of steps, each once."""
    return list(dict.fromkeys(filter(None, map(outdir, steps))))


def outdir(step: str) -> str:
    """What a step's --outdir says; "" for a job without one."""
    words = words_of(step)
    return words[words.index("--outdir") + 1] if "--outdir" in words[:-1] else ""


def words_of(step: str) -> list[str]:
    """A step as the shell cuts it; by spaces where its quotes do not close."""
    import shlex

    try:
        return shlex.split(step)
    except ValueError:
        return step.split()
