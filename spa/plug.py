"""The face for plugin authors: name your jobs, and be called when one runs."""

from dataclasses import dataclass

import pluggy

hookimpl = pluggy.HookimplMarker("spa")


@dataclass(frozen=True)
class Job:
    """One subcommand as data: nothing is imported before it is called.

    name: verb and kind, as typed (``"pick blob"``).
    summary: one line for the list of jobs.
    target: ``"package.module:function"`` of a click command.
    """

    name: str
    summary: str
    target: str


__all__ = ["Job", "hookimpl"]
