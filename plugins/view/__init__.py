"""`spa view`: Look at maps, images, picks, classes and curves, in a browser."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("view", "Look at maps, micrographs, particles, classes and curves, in a browser.",
                "spa_plugins.view.command:view")]  # fmt: skip
