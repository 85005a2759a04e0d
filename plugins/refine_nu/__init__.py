"""`spa refine nu`: Non-uniform refinement of one volume."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("refine nu", "Non-uniform refinement of one volume.", "spa_plugins.refine_nu.command:nu")]
