"""What choices on a page and without one have in common."""

import pytest

from spa.testing import run_spa


@pytest.mark.parametrize("job", [("curate", "rules", "--auto"), ("select", "classes", "--auto"), ("inspect", "picks")])
@pytest.mark.parametrize("words", [("--port", 8080), ("--no-browser",)])
def test_the_page_s_options_are_refused_where_there_is_no_page(job: tuple[str, ...], words: tuple[object, ...]) -> None:
    result = run_spa(*job, "none.star", *words)
    assert result.status == 2 and "goes with --web" in result.stderr
