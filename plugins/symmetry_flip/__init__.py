"""`spa symmetry flip`: Maps and poses of the other hand."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("symmetry flip", "Maps and poses of the other hand.", "spa_plugins.symmetry_flip.command:flip")]
