"""`spa symmetry expand`: Copy each particle's pose over a point group."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.symmetry_expand.command:expand"
    return [Job("symmetry expand", "Copy each particle's pose over a point group.", target)]
