"""`spa pick topaz`: Pick particles with your own Topaz."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("pick topaz", "Pick particles with your own Topaz.", "spa_plugins.pick_topaz.command:topaz")]
