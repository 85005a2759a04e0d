"""`spa post sharpen`: Sharpen a map by its B-factor and weight it by its FSC."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [
        Job(
            "post sharpen",
            "Sharpen a map by its B-factor and weight it by its FSC.",
            "spa_plugins.post_sharpen.command:sharpen",
        )
    ]
