"""`spa pick loop`: Pick, classify, train and pick again."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("pick loop", "Pick, classify, train and pick again.", "spa_plugins.pick_loop.command:loop")]
