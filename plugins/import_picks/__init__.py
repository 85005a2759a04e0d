"""`spa import picks`: Picks of other programs as a table of particles."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    summary = "Picks of EMAN, crYOLO, Topaz, cryoSPARC and RELION."
    return [Job("import picks", summary, "spa_plugins.import_picks.command:picks")]
