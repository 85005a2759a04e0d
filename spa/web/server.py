"""The server of one page: on this machine's loopback alone, behind a token, until the user is done."""

import getpass
import json
import os
import re
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any

from spa.errors import DeviceError, SpaError, UsageError
from spa.job.run import Run
from spa.web.guard import App, Guard
from spa.web.page import BadRequest, Page, Query
from spa.web.traffic import Traffic

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'from "\./([\w/.-]+)"')
QUIET, MOST = 0.3, 10.0  # seconds without a request after which a page that is done has all it asked for; not longer
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


def serve(run: Run, page: Page, port: int = 0, browser: bool = True) -> None:
    """Serve a page until its user is done; port 0 is a free one; browser: open it where there is a screen.

    The address goes to standard error. UsageError: the port is taken; DeviceError: the extra is not installed.
    """
    token, done = secrets.token_urlsafe(24), threading.Event()
    app = Traffic(application(page, token, done))
    with _listening(port) as listener, _running(app, listener) as alive:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/{token}/"
        _tell(run, address, listener.getsockname()[1], page.how)
        with _opened(address, browser):
            while not done.wait(0.1) and not page.over():
                run.checkpoint()
                if not alive():
                    raise DeviceError("the server of the page has stopped by itself")
        _answered(run, app)


def application(page: Page, token: str, done: threading.Event) -> App:
    """The guarded ASGI application; done is set when the page says so. DeviceError: the extra is not installed."""
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError:
        raise DeviceError("pages in a browser need starlette and uvicorn: pip install 'spa[web]'") from None

    site = _Site(page, done)
    return Guard(
        Starlette(routes=[
            Route("/", site.shell), Route("/static/{name:path}", site.static), Route("/facts", site.facts),
            Route("/picture/{name}", site.picture), Route("/do/{name}", site.act, methods=["POST"]),
        ]), token,
    )  # fmt: skip


class _Site:
    """What the addresses of a page give; files and pictures go by names of a list, never by paths."""

    def __init__(self, page: Page, done: threading.Event) -> None:
        self.page, self.done = page, done
        self.files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in KINDS}

    async def shell(self, request: Any) -> Any:
        text = (STATIC / "page.html").read_text(encoding="utf-8")
        text = text.replace("{{title}}", escape(self.page.title)).replace("{{script}}", escape(self.page.script))
        links = [f'<link rel="modulepreload" href="static/{escape(name)}">' for name in self.modules(self.page.script)]
        text = text.replace("{{modules}}", "\n".join(links))
        return _reply(text.encode(), "text/html; charset=utf-8")

    def modules(self, script: str) -> list[str]:
        """The script and all that it imports, so that the browser asks for them at once and not one after another."""
        found = [script]
        for name in found:
            text = self.files[name].read_text(encoding="utf-8")
            found += [one for one in dict.fromkeys(_IMPORT.findall(text)) if one not in found and one in self.files]
        return found

    async def static(self, request: Any) -> Any:
        path = self.files.get(request.path_params["name"])
        if path is None:
            return _answer({"error": "there is no such file"}, 404)
        return _reply(path.read_bytes(), KINDS[path.suffix])

    async def facts(self, request: Any) -> Any:
        return await _guarded(lambda: _answer(self.page.facts()))

    async def picture(self, request: Any) -> Any:
        make = self.page.pictures.get(request.path_params["name"])
        if make is None:
            return _answer({"error": "there is no such picture"}, 404)

        def made() -> Any:
            found = make(Query(request.query_params))
            more = {} if found.facts is None else {"x-facts": json.dumps(found.facts, default=_plain)}
            return _reply(found.data, found.kind, {"cache-control": "private, max-age=3600"} | more)

        return await _guarded(made)

    async def act(self, request: Any) -> Any:
        name = request.path_params["name"]
        action, body = self.page.actions.get(name), await request.body()
        if action is None:
            return _answer({"error": "there is no such action"}, 404)
        reply = await _guarded(lambda: _answer(action(_parsed(body))))
        if name == "done" and reply.status_code == 200:
            self.done.set()
        return reply


def _reply(data: bytes, kind: str, headers: dict[str, str] | None = None, status: int = 200) -> Any:
    from starlette.responses import Response

    return Response(data, status, headers, media_type=kind)


def _answer(value: Any, status: int = 200) -> Any:
    return _reply(json.dumps(value, default=_plain).encode(), "application/json", status=status)


async def _guarded(work: Any) -> Any:
    """What work gives, in a thread; 400 for a request that makes no sense, 422 for data that cannot be used."""
    from starlette.concurrency import run_in_threadpool

    try:
        return await run_in_threadpool(work)
    except BadRequest as error:
        return _answer({"error": str(error)}, 400)
    except SpaError as error:
        return _answer({"error": str(error)}, 422)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("not JSON") from None


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays as JSON has them."""
    return value.tolist()


def _answered(run: Run, app: Traffic) -> None:
    """Wait until what the page had asked for has been answered, such as pictures that were still coming."""
    end = time.monotonic() + MOST
    while not app.quiet(QUIET) and time.monotonic() < end:
        run.checkpoint()
        time.sleep(0.05)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError as error:
            raise UsageError(f"--port {port}: cannot be used: {error.strerror}") from None
        yield listener


@contextmanager
def _running(app: App, listener: socket.socket) -> Iterator[Any]:
    """The server in a thread of its own, so that signals stay with the job."""
    import uvicorn

    config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False, lifespan="off", ws="none",
                            server_header=False, timeout_graceful_shutdown=1, http="h11", loop="asyncio")  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield thread.is_alive
    finally:
        server.should_exit = True
        thread.join(5)


def _tell(run: Run, address: str, port: int, how: str) -> None:
    with suppress(Exception):  # a machine without user names has no such line
        here = f"{getpass.getuser()}@{socket.gethostname()}"
        run.warn(f"from another machine, first: ssh -N -L {port}:127.0.0.1:{port} {here}")
    run.warn(f"the page is at {address}")
    run.warn(how)


@contextmanager
def _opened(address: str, wanted: bool) -> Iterator[None]:
    """The page in the user's browser, through a file that only he can read: other users see the browser's arguments."""
    screen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not wanted or not screen or os.environ.get("SSH_CONNECTION"):
        yield
        return
    import webbrowser

    with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="spa-") as door:  # mode 0600
        door.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(address)}">')
        door.flush()
        with suppress(webbrowser.Error):
            webbrowser.open(Path(door.name).as_uri())
        yield
