"""`spa reconstruct`: Half maps at the poses there are; nothing is searched."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.reconstruct.command:reconstruct"
    return [Job("reconstruct", "Half maps at the poses there are; nothing is searched.", target)]
