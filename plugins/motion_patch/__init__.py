"""`spa motion patch`: Align the frames of movies and sum them."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Align the frames of movies and sum them."
    return [Job("motion patch", summary, "spa_plugins.motion_patch.command:patch")]
