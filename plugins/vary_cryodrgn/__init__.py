"""`spa vary cryodrgn`: A latent space by your own cryoDRGN."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("vary cryodrgn", "A latent space by your own cryoDRGN.", "spa_plugins.vary_cryodrgn.command:cryodrgn")]
