"""`spa refine flex`: One density, and how it bends in each particle."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "One density, and how it bends in each particle."
    return [Job("refine flex", summary, "spa_plugins.refine_flex.command:flex")]
