"""`spa classify 3d`: Sort particles with known poses into 3-D classes."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Sort particles with known poses into 3-D classes."
    return [Job("classify 3d", summary, "spa_plugins.classify_3d.command:classify_3d")]
