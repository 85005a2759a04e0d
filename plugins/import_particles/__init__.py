"""`spa import particles`: Make a table of particles from RELION, cryoSPARC, cisTEM or a bare stack."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Make a table of particles from RELION, cryoSPARC, cisTEM or a bare stack."
    return [Job("import particles", summary, "spa_plugins.import_particles.command:particles")]
