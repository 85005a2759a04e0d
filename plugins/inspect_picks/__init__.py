"""`spa inspect picks`: Keep picks by score and local power."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("inspect picks", "Keep picks by score and local power.", "spa_plugins.inspect_picks.command:picks")]
