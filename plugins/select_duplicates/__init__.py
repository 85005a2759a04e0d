"""`spa select duplicates`: Remove picks closer than a distance."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.select_duplicates.command:duplicates"
    return [Job("select duplicates", "Remove picks closer than a distance.", target)]
