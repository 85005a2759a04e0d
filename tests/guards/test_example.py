"""The plugin that spa-plugins(7) shows is installed as it stands there, and its own tests pass."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "man" / "spa-plugins.7"


def files() -> dict[str, str]:
    """The files of the example, from the page's source."""
    blocks = re.findall(r'^\.\\" file: (\S+)\n\.EX\n(.*?)^\.EE$', PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {name: text.replace("\\-", "-").replace("\\e", "\\") for name, text in blocks}


def test_the_example_of_the_manual(tmp_path: Path) -> None:
    found = files()
    assert len(found) == 6
    for name, text in found.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    install += ["--disable-pip-version-check", "--target", str(tmp_path / "site"), str(tmp_path / "source")]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    test = str(tmp_path / "source" / "test_shift_defocus.py")
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    ran = subprocess.run(tests, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0 and "2 passed" in ran.stdout, ran.stdout + ran.stderr
