"""What setup.cfg lists is what is on the disk."""

import configparser
import re
from pathlib import Path

from spa import __version__
from spa.cli import main

ROOT = Path(__file__).parents[2]


def settings() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_packages() -> None:
    on_disk = {
        ".".join([package, *path.parent.relative_to(ROOT / folder).parts])
        for package, folder in (("spa", "spa"), ("spa_plugins", "plugins"))
        for path in (ROOT / folder).rglob("__init__.py")
    }
    listed = settings()["options"]["packages"].split()
    assert sorted(on_disk) == sorted(listed)


def test_plugins_have_entry_points_and_the_name_of_their_jobs() -> None:
    points = dict(
        re.findall(r"^(\S+) = (\S+)$", settings()["options.entry_points"]["spa.plugins"].strip(), re.MULTILINE)
    )
    folders = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    assert points == {folder.replace("_", "-"): f"spa_plugins.{folder}" for folder in folders}
    for plugin in main.program().registry.plugins:
        if plugin.entry.builtin:
            verb, _, kind = plugin.entry.name.partition("-")
            assert plugin.jobs and {job.name.split(" ")[0] for job in plugin.jobs} == {verb}
            assert len(plugin.jobs) > 1 or plugin.jobs[0].name == f"{verb} {kind}".strip()


def test_version() -> None:
    assert settings()["metadata"]["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_files_beside_modules_are_packaged() -> None:
    data = settings()["options.package_data"] if settings().has_section("options.package_data") else {}
    patterns = " ".join(data.values())
    for path in [*(ROOT / "spa").rglob("*"), *(ROOT / "plugins").rglob("*")]:
        if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc", ".code"):
            assert f"*{path.suffix}" in patterns, f"{path.relative_to(ROOT)} would not be installed"


def test_every_job_has_a_test() -> None:
    for face in (ROOT / "plugins").glob("*/__init__.py"):
        for job in re.findall(r'Job\("([^"]+)"', face.read_text()):
            name = f"test_{job.replace(' ', '_')}"
            assert list((ROOT / "tests" / "plugins").glob(f"{name}*.py")), f"tests/plugins/{name}.py is missing"
