"""`spa post fsc`: FSC of two half maps, corrected for the mask."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("post fsc", "FSC of two half maps, corrected for the mask.", "spa_plugins.post_fsc.command:fsc")]
