"""`spa ctf patch`: Estimate defocus, its surface, tilt and ice."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Estimate defocus, its surface, tilt and ice."
    return [Job("ctf patch", summary, "spa_plugins.ctf_patch.command:patch")]
