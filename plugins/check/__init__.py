"""`spa check`: does a table make physical sense?"""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job("check", "Does a table make physical sense?", "spa_plugins.check.command:check"),
    ]
