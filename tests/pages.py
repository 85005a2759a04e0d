"""A browser, and jobs that serve pages to it."""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-gpu-sandbox",
         "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run"]  # fmt: skip


@dataclass
class Job:
    """A running job and the address of its page."""

    process: subprocess.Popen[str]
    address: str
    out: Path
    err: Path

    def ended(self, seconds: float = 30) -> int:
        """Wait for its end; the exit status."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """A function that runs ``spa ARGS --no-browser`` in a folder and waits for the page."""
    jobs: list[Job] = []

    def started(*args: object, cwd: Path = tmp_path, input: Path | None = None) -> Job:
        out, err = tmp_path / f"out{len(jobs)}", tmp_path / f"err{len(jobs)}"
        words = [sys.executable, "-m", "spa.cli", *map(str, args), "--no-browser"]
        with contextlib.ExitStack() as files:
            process = subprocess.Popen(
                words, cwd=cwd, text=True, stdin=files.enter_context(input.open()) if input else subprocess.DEVNULL,
                stdout=files.enter_context(out.open("w")), stderr=files.enter_context(err.open("w")),
            )  # fmt: skip
        for _ in range(600):
            found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", err.read_text())
            if found:
                break
            assert process.poll() is None, err.read_text()
            time.sleep(0.05)
        assert found, "no address of a page within 30 s"
        jobs.append(Job(process, found.group(), out, err))
        return jobs[-1]

    yield started
    for job in jobs:
        if job.process.poll() is None:
            job.kill()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium; skipped where it or playwright is missing."""
    pytest.importorskip("starlette", reason="no starlette here: pip install 'spa[web]'")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright here: pip install playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A fresh tab of 1280 x 800; the test fails where the page's scripts did."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(10_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.wrong = wrong
    yield page
    context.close()
    assert not wrong, wrong
