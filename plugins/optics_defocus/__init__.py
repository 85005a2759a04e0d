"""`spa optics defocus`: Defocus of each particle, astigmatism and phase shift of each micrograph."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "optics defocus",
            "Defocus of each particle, astigmatism and phase shift of each micrograph.",
            "spa_plugins.optics_defocus.command:defocus",
        )
    ]
