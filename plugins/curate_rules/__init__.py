"""`spa curate rules`: Keep good exposures."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("curate rules", "Keep good exposures.", "spa_plugins.curate_rules.command:rules")]
