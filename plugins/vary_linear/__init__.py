"""`spa vary linear`: Principal components of how particles with known poses differ."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Principal components of how particles with known poses differ."
    return [Job("vary linear", summary, "spa_plugins.vary_linear.command:linear")]
