"""`spa simulate particles`: Particle images with known truth."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "simulate particles",
            "Particle images with known truth.",
            "spa_plugins.simulate_particles.command:particles",
        )
    ]
