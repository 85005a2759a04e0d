"""`spa vary neural`: A neural latent space of particles."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "A neural latent space of particles."
    return [Job("vary neural", summary, "spa_plugins.vary_neural.command:neural")]
