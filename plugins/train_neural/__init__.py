"""`spa train neural`: Train a picker from some picks."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("train neural", "Train a picker from some picks.", "spa_plugins.train_neural.command:neural")]
