"""`spa simulate micrographs`: Micrographs with known truth."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "simulate micrographs",
            "Micrographs with known truth.",
            "spa_plugins.simulate_micrographs.command:micrographs",
        )
    ]
