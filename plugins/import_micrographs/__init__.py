"""`spa import micrographs`: Make a table of micrographs."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("import micrographs", "Make a table of micrographs.", "spa_plugins.import_micrographs.command:micrographs")]
