"""`spa abinit model`: Make 1-8 volumes from nothing."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("abinit model", "Make 1-8 volumes from nothing.", "spa_plugins.abinit_model.command:model")]
