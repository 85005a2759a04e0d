"""`spa pick template`: Pick particles by templates."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.pick_template.command:template"
    return [Job("pick template", "Pick particles by class averages or a map.", target)]
