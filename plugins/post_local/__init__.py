"""`spa post local`: local resolution from half maps, or from a single map."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "post local",
            "Local resolution from half maps, or from a single map.",
            "spa_plugins.post_local.command:local",
        ),
    ]
