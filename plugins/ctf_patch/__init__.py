"""`spa ctf patch`: Estimate defocus, astigmatism and fit resolution."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("ctf patch", "Estimate defocus, astigmatism and fit resolution.", "spa_plugins.ctf_patch.command:patch")]
