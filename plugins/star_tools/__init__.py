"""`spa star …`: the small tools that make pipes worth having."""

from collections.abc import Iterable

from spa.plug import Job, hookimpl


@hookimpl
def spa_jobs() -> Iterable[Job]:
    filter_summary = "Keep the rows for which an expression is true."
    return [
        Job("star cat", "Show tables, or put several into one.", "spa_plugins.star_tools.cat:cat"),
        Job("star filter", filter_summary, "spa_plugins.star_tools.filter:filter_rows"),
        Job("star join", "Add the columns of one table to the rows of another.", "spa_plugins.star_tools.join:join"),
        Job("star set", "Set columns from expressions.", "spa_plugins.star_tools.set:set_columns"),
        Job("star split", "Split a table into parts.", "spa_plugins.star_tools.split:split"),
        Job("star stat", "Columns in figures and histograms.", "spa_plugins.star_tools.stat:stat"),
    ]
