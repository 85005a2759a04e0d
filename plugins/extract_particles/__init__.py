"""`spa extract particles`: Cut boxes out of micrographs."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.extract_particles.command:particles"
    return [Job("extract particles", "Cut boxes out of micrographs.", target)]
