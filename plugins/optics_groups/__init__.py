"""`spa optics groups`: Which images share their aberrations."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.optics_groups.command:groups"
    return [Job("optics groups", "Which images share their aberrations.", target)]
