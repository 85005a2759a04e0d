"""A bad plugin is left out and named; it never stops the program."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spa.cli import discovery
from spa.cli.discovery import Entry
from spa.cli.registry import Registry, complaint, load
from spa.testing import run_spa

GOOD = """
from spa.plug import Job, hookimpl
@hookimpl
def spa_jobs():
    return [Job("{0}", "It does.", "nowhere:at_all")]
"""
Make = Callable[..., Entry]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source: str, name: str = "third", distribution: str = "spa-third") -> Entry:
        module = f"{tmp_path.name.replace('-', '_')}_{name}"
        (tmp_path / f"{module}.py").write_text(source)
        sys.modules.pop(module, None)
        return Entry(name, module, distribution, "1.0")

    return make


def the_one(*entries: Entry, limit: str | None = None) -> tuple[Registry, str]:
    registry = Registry(entries, limit)
    return registry, registry.plugins[-1].trouble


def test_a_good_plugin(plugin: Make) -> None:
    registry, trouble = the_one(plugin(GOOD.format("pick third")))
    assert trouble == "" and registry.jobs["pick third"].summary == "It does."


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def (:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            "from spa.plug import hookimpl\n@hookimpl\ndef spa_job(): return []",
            "there is no hook spa_job; is spa_jobs meant?",
        ),
        (
            "from spa.plug import hookimpl\n@hookimpl\ndef frobnicate(): return []",
            "there are spa_jobs, spa_job_started",
        ),
        ("from spa.plug import hookimpl\n@hookimpl\ndef spa_jobs(number): return []", "PluginValidationError"),
        ("from spa.plug import hookimpl\n@hookimpl\ndef spa_jobs(): raise ValueError('oh no')", "ValueError: oh no"),
        ("from spa.plug import hookimpl\n@hookimpl\ndef spa_jobs(): return ['pick x']", "gave 'pick x', not a Job"),
        (GOOD.format("pick"), ""),
        (GOOD.format("pick a third"), "is not a verb and a kind"),
        (GOOD.format("doctor it"), "'doctor' is spa's own"),
        (GOOD.format("pick third").replace("nowhere:at_all", "nowhere"), "is not 'package.module:function'"),
    ],
)
def test_what_is_wrong_is_said(plugin: Make, source: str, said: str) -> None:
    registry, trouble = the_one(plugin(source))
    assert said in trouble and (trouble != "" or said == "")
    if trouble:
        assert registry.jobs == {} and complaint(registry.broken[0]).startswith(
            "spa: plugin third (spa-third 1.0) is left out: "
        )
        assert not registry.manager.get_plugins()


def test_a_missing_attribute(plugin: Make) -> None:
    entry = plugin("x = 1")
    assert "AttributeError" in the_one(Entry("third", entry.target + ":face", "spa-third", "1.0"))[1]


def test_a_name_that_is_taken(plugin: Make) -> None:
    first, second = plugin(GOOD.format("pick x"), "a", "spa-a"), plugin(GOOD.format("pick x"), "b", "spa-b")
    registry, trouble = the_one(first, second)
    assert trouble == "the job name 'pick x' is taken by spa-a 1.0" and list(registry.jobs) == ["pick x"]


def test_a_single_word_and_a_verb_do_not_share_a_name(plugin: Make) -> None:
    assert "clashes" in the_one(plugin(GOOD.format("check"), "a"), plugin(GOOD.format("check it"), "b"))[1]
    assert "clashes" in the_one(plugin(GOOD.format("check it"), "c"), plugin(GOOD.format("check"), "d"))[1]


def test_other_plugins_go_on(plugin: Make) -> None:
    registry, _ = the_one(plugin("import no_such", "a"), plugin(GOOD.format("pick x"), "b"))
    assert list(registry.jobs) == ["pick x"] and len(registry.broken) == 1


def test_limit(plugin: Make) -> None:
    third, own = plugin(GOOD.format("pick x"), "x", "spa-x"), plugin(GOOD.format("pick y"), "y", "spa")
    assert list(the_one(own, third, limit="")[0].jobs) == ["pick y"]
    assert list(the_one(own, third, limit="spa_x")[0].jobs) == ["pick y", "pick x"]
    assert list(the_one(own, third, limit="z,x")[0].jobs) == ["pick y", "pick x"]


HOOKED = """
from spa.plug import hookimpl
CALLS = []
@hookimpl
def spa_job_started(run):
    CALLS.append(("started", run))
@hookimpl
def spa_job_finished(error):
    CALLS.append(("finished", error))
"""


def test_hooks_hear_of_a_run_and_one_that_raises_is_left_out(plugin: Make, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = plugin(HOOKED, "good"), plugin(HOOKED.replace("CALLS.append", "raise KeyError"), "bad")
    registry = Registry([bad, good])
    error = ValueError()
    registry.notify("spa_job_started", run="r")
    registry.notify("spa_job_finished", run="r", error=error)
    calls = sys.modules[good.target].CALLS
    assert calls == [("started", "r"), ("finished", error)]
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "plugin bad (spa-third 1.0) is left out: spa_job_started raised KeyError" in said


def test_spa_says_what_is_broken_and_goes_on(plugin: Make, tmp_path: Path) -> None:
    entry = plugin("import no_such_package")
    metadata = tmp_path / "spa_third-1.0.dist-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text(f"[console_scripts]\nx = y\n\n[spa.plugins]\nthird = {entry.target}\n")
    helped = run_spa("--help")
    assert helped.status == 0 and "pick blob" in helped.stdout
    assert helped.stderr.startswith("spa: plugin third (spa-third 1.0) is left out: ModuleNotFoundError")
    listed = run_spa("plugins")
    assert listed.status == 1 and "third\tspa-third 1.0\tbroken: ModuleNotFoundError" in listed.stdout
    assert run_spa("doctor").status == 1


def test_a_command_of_spas_own_loads_no_other_plugins(plugin: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others' are there all are loaded: one whose names clash is left out, whatever command is called."""
    own = [entry for entry in discovery.entries() if entry.builtin]
    monkeypatch.setattr(discovery, "entries", lambda: own)
    few, every = load("star").jobs, load().jobs
    assert few == {name: job for name, job in every.items() if name.startswith("star ")} != {}
    assert load("sta").jobs == load("plugins").jobs == every
    third = plugin(GOOD.format("pick blob"))
    monkeypatch.setattr(discovery, "entries", lambda: [*own, third])
    assert load("star").jobs == every and load("star").broken[0].entry == third
