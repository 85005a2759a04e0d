"""`spa export chimerax`, `cryodrgn`, `cryosparc`, `relion`: particles as other programs take them."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "export chimerax", "Maps and series as a ChimeraX session.", "spa_plugins.export_tables.chimerax:chimerax"
        ),
        Job(
            "export cryodrgn",
            "Poses and CTF of particles as pickles for cryoDRGN.",
            "spa_plugins.export_tables.cryodrgn:cryodrgn",
        ),
        Job("export cryosparc", "Particles as a cryoSPARC dataset.", "spa_plugins.export_tables.cryosparc:cryosparc"),
        Job(
            "export relion",
            "Particles as a RELION table of any version since 3.0.",
            "spa_plugins.export_tables.relion:relion",
        ),
    ]
