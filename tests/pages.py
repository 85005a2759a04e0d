"""A browser, and jobs that serve pages to it."""

import contextlib
import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spa.web.guard import MOST

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
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # not ignored
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


def killed(tab: Any, job: Job) -> None:
    """Kill a job whose page is open in a tab: what the browser has to say of its address is no fault of the page.

    It may be asking for a picture just then, and it says so later.
    """
    tab.dead.append(job.address)
    job.kill()


def post(address: str, action: str, value: object) -> Any:
    """What an action of a page answers."""
    reply = fetched(address, f"do/{action}", json.dumps(value).encode(), **{"content-type": "application/json"})
    assert reply[0] == 200, reply
    return json.loads(reply[1])


def status(address: str, path: str, body: bytes | None = None, **headers: str) -> int:
    """Of the answer to a request below the address of a page."""
    return fetched(address, path, body, **headers)[0]


def fetched(address: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of the answer to a request below the address of a page."""
    if body is not None:
        headers = {"content-type": "application/json"} | headers
    host, token = re.fullmatch(r"http://([^/]+)(/.*)", address).groups()  # type: ignore[union-attr]
    connection = http.client.HTTPConnection(host, timeout=20)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it answers before it has heard too much
        connection.request("POST" if body is not None else "GET", token + path, body, headers)
    reply = connection.getresponse()
    found = reply.status, reply.read()
    connection.close()
    return found


def require_guarded(address: str, pictures: Sequence[str], actions: Sequence[str]) -> None:
    """Each address of a page refuses other origins, a missing token, paths for numbers, nonsense and huge bodies."""
    kind, wrong = {"content-type": "application/json"}, address[:-5] + "/"
    for name in pictures:
        assert status(address, f"picture/{name}?number=0") == 200, name
        assert status(wrong, f"picture/{name}?number=0") == 403
        assert status(address, f"picture/{name}?number=0", origin="http://evil.example") == 403
        for words in ("", "number=../../etc/passwd", "number=/etc/passwd", "number=-1", "number=99999999"):
            assert status(address, f"picture/{name}?{words}") == 400, words
        assert status(address, f"picture/{name}/../../facts") == 404
    for name in actions:
        assert status(wrong, f"do/{name}", b"null", **kind) == 403
        assert status(address, f"do/{name}", b"null", **kind, origin="http://evil.example") == 403
        assert status(address, f"do/{name}", b"null", **{"content-type": "text/plain"}) == 415
        assert status(address, f"do/{name}", b"1", **kind, **{"content-length": str(MOST + 1)}) == 413
    assert status(wrong, "facts") == 403 and status(address, "../../etc/passwd") in (403, 404)


def require_accessible(tab: Any) -> None:
    """No violation that axe finds: contrast, labels, roles."""
    axe = pytest.importorskip("axe_playwright_python", reason="no axe here: pip install axe-playwright-python")
    tab.evaluate(next(Path(axe.__file__).parent.rglob("axe.min.js")).read_text())
    found = tab.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    assert not [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]


def saved(tab: Any) -> None:
    """Wait until the page says that all is kept."""
    tab.wait_for_selector("#saved:text-is('Saved')")


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
    wrong: list[tuple[str, str]] = []
    page.on("pageerror", lambda error: wrong.append((str(error), "")))
    page.on("console", lambda told: wrong.append((told.text, told.location["url"])) if told.type == "error" else None)
    page.wrong, page.dead = wrong, []
    yield page
    context.close()
    left = [one for one in wrong if not one[1].startswith(tuple(page.dead))]
    assert not left, left
