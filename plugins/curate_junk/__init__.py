"""`spa curate junk`: Mask carbon, crystals, lumps and cracks."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("curate junk", "Mask carbon, crystals, lumps and cracks.", "spa_plugins.curate_junk.command:junk")]
