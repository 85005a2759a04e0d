"""`spa post bfactor`: resolution against the number of particles, and how many more are needed."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "post bfactor",
            "Resolution against the number of particles, and how many more are needed.",
            "spa_plugins.post_bfactor.command:bfactor",
        ),
    ]
