"""`spa subtract signal`: Remove what a mask does not keep."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.subtract_signal.command:signal"
    return [Job("subtract signal", "Remove what a mask does not keep.", target)]
