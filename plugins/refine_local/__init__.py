"""`spa refine local`: Poses near those there are, inside a mask."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.refine_local.command:local"
    return [Job("refine local", "Refine a part of a volume, near the poses there are.", target)]
