"""`spa select particles`: Keep the particles that show all of what their map shows."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Keep the particles that show all of what their map shows."
    return [Job("select particles", summary, "spa_plugins.select_particles.command:particles")]
