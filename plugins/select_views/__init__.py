"""`spa select views`: Thin the views that crowd about few directions."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    target = "spa_plugins.select_views.command:views"
    return [Job("select views", "Thin the views that crowd about few directions.", target)]
