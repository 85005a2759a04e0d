"""`spa select latent`: Keep a region, cluster or path of latent space."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Keep a region, cluster or path of latent space."
    return [Job("select latent", summary, "spa_plugins.select_latent.command:latent")]
