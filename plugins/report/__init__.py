"""`spa report`: a chain of jobs as one page of HTML."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job("report", "A chain of jobs as one HTML file, for the lab book.", "spa_plugins.report.command:report"),
    ]
