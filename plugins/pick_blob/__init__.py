"""`spa pick blob`: Pick particles by size."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("pick blob", "Pick particles by size.", "spa_plugins.pick_blob.command:blob")]
