"""`spa vary volumes`: Volumes anywhere in latent space."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("vary volumes", "Volumes anywhere in latent space.", "spa_plugins.vary_volumes.command:volumes")]
