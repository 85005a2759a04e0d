"""What is installed, told by names of folders, is what importlib.metadata says."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from spa.installed import distributions, normal, part


def test_versions_are_those_of_importlib() -> None:
    there = {one.name: one.version for one in distributions()}
    for name in ("numpy", "numba", "pyFFTW", "mrcfile", "spa"):
        assert there[normal(name)] == version(name)


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    for folder, number in (("1", "2.0"), ("2", "1.0")):
        (tmp_path / folder / f"a_b-{number}.dist-info").mkdir(parents=True)
    (found,) = distributions([str(tmp_path / "nowhere"), str(tmp_path / "1"), str(tmp_path / "2")])
    assert (found.name, found.version) == ("a-b", "2.0") and Path(found.folder).parent.name == "1"


def test_a_part_of_a_package_comes_without_the_rest() -> None:
    code = "import sys; from spa.installed import part; part('json.scanner'); print('json' in sys.modules, end=' ');"
    code += "import json; print(json.loads('[1]'), 'json.decoder' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "[1]", "True"]
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        part("no_such_package.part")
