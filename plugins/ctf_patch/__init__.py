"""`spa ctf patch`: Estimate defocus, astigmatism and fit resolution."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Estimate defocus, astigmatism and fit resolution."
    return [Job("ctf patch", summary, "spa_plugins.ctf_patch.command:patch")]
