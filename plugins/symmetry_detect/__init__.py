"""`spa symmetry detect`, `spa symmetry align`: which point group a map has; map and poses turned onto its axes."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    detect, align = "Find the point group of a map.", "Turn a map and its particles onto a point group's axes."
    return [
        Job("symmetry align", align, "spa_plugins.symmetry_detect.align:align"),
        Job("symmetry detect", detect, "spa_plugins.symmetry_detect.command:detect"),
    ]
