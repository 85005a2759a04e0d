"""`spa classify 2d`: Sort particles into class averages."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("classify 2d", "Sort particles into class averages.", "spa_plugins.classify_2d.command:classify_2d")]
