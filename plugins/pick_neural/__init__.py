"""`spa pick neural`: Pick particles by a trained network."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("pick neural", "Pick particles by a trained network.", "spa_plugins.pick_neural.command:neural")]
