"""`spa import movies`: Make a table of movies."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("import movies", "Make a table of movies.", "spa_plugins.import_movies.command:movies")]
