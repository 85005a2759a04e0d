"""What is there is documented, and what is documented is there."""

import os
import re
import subprocess
from pathlib import Path

import click
import pytest

from spa.cli import hookspecs, lazy, main, manpages
from spa.plug import Job

ROOT = Path(__file__).parents[2]
HOST = main.program()
JOBS = {name: job for name, job in HOST.registry.jobs.items() if HOST.registry.owners[name].builtin}


@pytest.mark.parametrize("job", JOBS.values(), ids=lambda job: job.name)
def test_every_option_is_explained(job: Job) -> None:
    command = lazy.load(job)
    assert command.help and len(command.help.split()) >= 4, "the body's docstring is the help"
    assert not re.search(r"\S\n *\x08", command.help), "lines are kept as they are from an empty line on"
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            assert param.help, f"{param.opts}: no help"
            longest = max(param.opts, key=len)
            assert re.fullmatch(r"--(n|[a-z0-9][a-z0-9-]+)", longest), f"{longest}: whole words and hyphens"
        path = isinstance(param.type, click.Path) and param.type.exists
        assert not path, f"{param.name}: exists=True would be status 2, not 66: use options.INPUT_FILE"


@pytest.mark.parametrize("job", JOBS.values(), ids=lambda job: job.name)
def test_jobs_that_make_files_share_their_options(job: Job) -> None:
    there = {param.name for param in lazy.load(job).params}
    if "outdir" in there:
        assert {"threads", "device", "resume", "strict", "quiet", "verbose"} <= there


@pytest.mark.parametrize("job", JOBS.values(), ids=lambda job: job.name)
def test_defaults_are_told_in_one_way(job: Job) -> None:
    """By click, in brackets: what is done without an option is ``show_default``, never words of the help."""
    for param in lazy.load(job).params:
        if isinstance(param, click.Option):
            told = re.search(r"\bdefault\b|without it\b", param.help or "", re.IGNORECASE)
            assert not told, f"{param.opts}: {param.help}"
            value = param.to_info_dict().get("default")
            silent = value in (None, (), "") or (param.is_flag and not param.secondary_opts) or param.required
            assert silent or param.show_default, f"{param.opts}: its default {value!r} is not shown"


def test_man_pages_are_fresh() -> None:
    """`spa manpages man` after a change of options."""
    pages = manpages.pages(HOST)
    stale = [name for name, text in pages.items() if not _same(ROOT / "man" / name, text)]
    assert not stale, f"run `spa manpages man`: {stale}"
    extra = {path.name for path in (ROOT / "man").glob("spa-*.1")} - set(pages)
    assert not extra, f"pages of commands that are gone: {extra}"


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def test_hooks_are_documented() -> None:
    page = (ROOT / "man" / "spa-plugins.7").read_text()
    for name in vars(hookspecs):
        if name.startswith("spa_"):
            assert name in page.replace("\\", ""), f"{name} is not in spa-plugins.7"


def test_own_columns_are_documented() -> None:
    page = (ROOT / "man" / "spa-star.5").read_text()
    sources = [*(ROOT / "spa").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"\bspa[A-Z][A-Za-z0-9]+\b", path.read_text())}
    used -= {"spaFirstClass"}  # a made-up name, in an example
    missing = sorted(name for name in used if not re.search(rf"_{name}\b", page))
    assert not missing, f"not in spa-star.5: {missing}"


def test_statuses_are_documented() -> None:
    from spa import errors

    page = (ROOT / "man" / "spa.1").read_text()
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SpaError)]
    documented = {status for status, _ in manpages.STATUSES}
    assert {kind.status for kind in kinds} <= documented
    assert all(f"\\fB{status}\\fR" in page for status in documented)


def test_jobs_are_in_the_manual() -> None:
    page = (ROOT / "man" / "spa.1").read_text().replace("\\", "")
    for name in JOBS:
        assert f"spa-{name.replace(' ', '-')}" in page, f"spa {name} is not in spa.1"


def test_pages_are_good_roff() -> None:
    pages = [str(path) for path in sorted((ROOT / "man").glob("*.[157]"))]
    assert pages
    try:
        ran = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", *pages], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no groff here")
    assert ran.returncode == 0 and ran.stderr == "", ran.stderr


def test_shell_examples_are_listed_and_parse() -> None:
    readme = (ROOT / "README.md").read_text()
    for script in sorted((ROOT / "shell-examples").glob("*.sh")):
        assert f"shell-examples/{script.name}" in readme, f"{script.name} is not in README.md"
        assert os.access(script, os.X_OK), f"{script.name} is not executable"
        subprocess.run(["bash", "-n", script], check=True)
