"""The hooks: what a plugin may implement. Each takes only the arguments that it wants."""

from collections.abc import Iterable
from typing import Any

import pluggy

from spa.plug import Job

hookspec = pluggy.HookspecMarker("spa")


@hookspec
def spa_jobs() -> Iterable[Job]:  # type: ignore[empty-body]
    """Name the jobs that this plugin adds; import nothing heavy here."""


@hookspec
def spa_job_started(run: Any) -> None:
    """A job's options are read and its inputs are open; nothing is written yet."""


@hookspec
def spa_job_finished(run: Any, error: BaseException | None) -> None:
    """A job is over; ``error`` is None when it ended well (``run.bad`` items may have been left out)."""
