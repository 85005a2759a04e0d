"""`spa select classes`: Keep the particles of good classes."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("select classes", "Keep the particles of good classes.", "spa_plugins.select_classes.command:classes")]
