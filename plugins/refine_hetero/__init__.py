"""`spa refine hetero`: Several references compete for the particles."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "refine hetero", "Several references compete for the particles.", "spa_plugins.refine_hetero.command:hetero"
        )
    ]
