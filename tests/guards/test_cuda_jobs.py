"""The jobs that doctor and README say to have CUDA kernels are those that have."""

import re
from pathlib import Path

from spa.cli.doctor import CUDA

ROOT = Path(__file__).parents[2]


def test_jobs_with_kernels_are_named() -> None:
    marked = re.compile(r'@job\("([^"]+)", devices="(?:one|several)"\)')
    there = [name for path in (ROOT / "plugins").rglob("*.py") for name in marked.findall(path.read_text())]
    assert tuple(sorted(there)) == CUDA
    said = re.search(r"On a CUDA device: (.*?);", (ROOT / "README.md").read_text(), re.DOTALL)
    assert said and tuple(re.findall(r"`([^`]+)`", said.group(1).replace("\n", " "))) == CUDA


def test_what_a_job_computes_with_stands_in_its_help() -> None:
    forms = {"star set": "cpu\n", "pick blob": "cpu|cuda[:N]\n", "refine homo": "cpu|cuda[:N[,M...]]\n"}
    for name, form in forms.items():
        page = (ROOT / "man" / f"spa-{name.replace(' ', '-')}.1").read_text()
        assert "\\fB\\-\\-device\\fR \\fI" + form.rstrip() + "\\fR" in page
