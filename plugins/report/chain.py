"""Histories of tables as one graph: steps that several tables came through stand in it once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spa.job import log
from spa_plugins.report.sources import outdir, own_step, root_of, words_of


@dataclass(eq=False)
class Step:
    """One step: what its line says, where it stands in the graph, and its folder's record if there is one."""

    line: str
    job: str
    words: list[str]
    parent: "Step | None" = None
    children: list["Step"] = field(default_factory=list)
    uses: list["Step"] = field(default_factory=list)  # whose files it read, but for those it comes after
    number: int = 0
    column: int = 0
    place: Path | None = None
    record: dict[str, Any] | None = None
    sittings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """Its --outdir as it was given; "" for none."""
        return outdir(self.line)

    @property
    def said(self) -> list[str]:
        return [line for sitting in self.sittings for line in sitting["said"]]

    @property
    def headline(self) -> str:
        """What it said last, where it came to its end."""
        return self.said[-1] if self.said and self.sittings[-1].get("status") == "finished" else ""

    @property
    def state(self) -> str:
        """finished, unfinished, gone (its folder is not there or holds other work), or passed: it keeps no folder."""
        if self.record is None:
            return "gone" if self.folder else "passed"
        return "finished" if self.record.get("state") == "finished" else "unfinished"

    def before(self) -> Iterator["Step"]:
        step = self.parent
        while step is not None:
            yield step
            step = step.parent

    def attach(self, records: dict[Path, dict[str, Any]]) -> None:
        """Take the record that is this step's: the same line, in a folder of its name."""
        for place, record in records.items():
            if place.name == Path(self.folder).name and own_step(record) == self.line:
                self.place, self.record, self.sittings = place, record, log.sittings(place)


def steps(trails: Iterable[list[str]], job_of: Callable[[list[str]], str]) -> list[Step]:
    """The steps of all histories in the order they are shown in, numbered from 1, with their columns in the graph.

    A step comes after the one before it in its history; where tables part, short branches come first, and the longest
    goes on in the column of the trunk. ``job_of``: the name of the job from a step's words.
    """
    root = Step("", "", [])
    for trail in trails:
        here = root
        for line in trail:
            following = next((child for child in here.children if child.line == line), None)
            if following is None:
                words = words_of(line)[1:]
                name = job_of(words)
                following = Step(line, name, words[len(name.split()) :], here if here is not root else None)
                here.children.append(following)
            here = following
    ordered: list[Step] = []
    for top in sorted(root.children, key=_depth):
        _walk(top, 0, ordered)
    for number, step in enumerate(ordered, 1):
        step.number = number
    return ordered


def _depth(step: Step) -> int:
    deepest, level = 0, [step]
    while level:
        deepest, level = deepest + 1, [child for one in level for child in one.children]
    return deepest


def _walk(step: Step, column: int, ordered: list[Step]) -> None:
    stack = [(step, column)]
    while stack:
        one, column = stack.pop()
        one.column = column
        ordered.append(one)
        children = sorted(one.children, key=_depth)
        stack += [(child, column) for child in children[-1:]]
        stack += [(child, column + 1) for child in reversed(children[:-1])]


def link(ordered: list[Step]) -> None:
    """Find whose files each step read, by the folders that its inputs lie in."""
    owners = {step.place: step for step in ordered if step.place}
    for step in ordered:
        if step.record is None or step.place is None:
            continue
        for name in step.record.get("inputs", {}):
            inside = (root_of(step.place, step.folder) / name).parents
            owner = next((owners[place] for place in inside if place in owners), None)
            if owner is not None and owner is not step and owner is not step.parent and owner not in step.uses:
                step.uses.append(owner)
