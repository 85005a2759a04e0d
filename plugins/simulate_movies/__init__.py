"""`spa simulate movies`: Movies with known motion."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    return [Job("simulate movies", "Movies with known motion.", "spa_plugins.simulate_movies.command:movies")]
