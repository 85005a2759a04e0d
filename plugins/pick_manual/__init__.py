"""`spa pick manual`: Pick particles by hand, in a browser."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("pick manual", "Pick particles by hand, in a browser.", "spa_plugins.pick_manual.command:manual")]
