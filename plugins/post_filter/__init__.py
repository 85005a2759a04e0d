"""`spa post filter`: filter a map by its local resolution; sharpen it locally."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "post filter",
            "Filter a map by its local resolution; sharpen it locally.",
            "spa_plugins.post_filter.command:filter_",
        ),
    ]
