"""`spa post mask`: Make a soft mask from a map."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("post mask", "Make a soft mask from a map.", "spa_plugins.post_mask.command:mask")]
