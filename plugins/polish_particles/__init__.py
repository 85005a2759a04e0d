"""`spa polish particles`: each particle's own motion, and what each frame is worth."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Follow each particle through its movie, and sum it anew."
    return [Job("polish particles", summary, "spa_plugins.polish_particles.command:particles")]
