"""`spa import micrographs`: Make a table of micrographs."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.import_micrographs.command:micrographs"
    return [Job("import micrographs", "Make a table of micrographs.", target)]
