"""`spa post orientation`: are the views and the resolution the same in all directions?"""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "post orientation",
            "Are the views and the resolution the same in all directions?",
            "spa_plugins.post_orientation.command:orientation",
        ),
    ]
