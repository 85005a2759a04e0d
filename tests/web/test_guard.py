"""What a page's server refuses, without a browser: the whole server over a real socket."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("starlette", reason="no starlette here: pip install 'spa[web]'")

from spa.web import server  # noqa: E402
from spa.web.guard import MOST  # noqa: E402
from spa.web.page import BadRequest, Page, Picture, Query  # noqa: E402
from tests.pages import fetched  # noqa: E402

TOKEN = "t0ken-of-the-test"


class Served:
    """A page with one picture and one action, and what was asked of it."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.done = threading.Event()
        page = Page("A <page>", "pick.js", lambda: {"a": 1}, {"one": self.picture}, {"do": self.act, "done": self.act})
        self.app = server.application(page, TOKEN, self.done)
        self.port = 0

    def picture(self, query: Query) -> Picture:
        return Picture(b"%d" % query.whole("number", 5), "image/png")

    def act(self, value: object) -> object:
        self.seen.append(value)
        return value

    def ask(self, method: str = "GET", path: str = "/", token: str = TOKEN, body: bytes | None = None,
            **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it answers before it has heard too much
            connection.request(method, f"/{token}{path}" if token else path, body, names)
        reply = connection.getresponse()
        found = reply.status, reply.read(), reply.headers
        connection.close()
        return found

    def post(self, value: object, path: str = "/do/do", **headers: str) -> int:
        headers = {"content_type": "application/json"} | headers
        return self.ask("POST", path, body=json.dumps(value).encode(), **headers)[0]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    one = Served()
    with server._listening(0) as listener, server._running(one.app, listener):
        one.port = listener.getsockname()[1]
        yield one


def test_the_page_is_served_with_its_token_and_titles_are_escaped(served: Served) -> None:
    status, text, headers = served.ask()
    assert status == 200 and b"A &lt;page&gt;" in text and b"static/pick.js" in text
    assert "script-src 'self'" in headers["content-security-policy"] and headers["referrer-policy"] == "no-referrer"
    assert served.ask(path="/facts")[1] == b'{"a": 1}'
    assert served.ask(path="/static/frame.js")[0] == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "%00", "\xe9".encode("latin-1").hex()])
@pytest.mark.parametrize("path", ["/", "/facts", "/static/frame.js", "/picture/one?number=1"])
def test_nothing_without_the_token(served: Served, token: str, path: str) -> None:
    status, text, _ = served.ask(path=path, token=token)
    assert status == 403 and b"token" in text


@pytest.mark.parametrize("headers", [
    {"origin": "http://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"}, {"origin": "https://127.0.0.1"},
])  # fmt: skip
def test_other_origins_are_refused_even_with_the_token(served: Served, headers: dict[str, str]) -> None:
    before = list(served.seen)
    assert served.ask(**headers)[0] == 403 and served.post(1, **headers) == 403
    assert served.seen == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "0.0.0.0:1", ""])
def test_other_names_of_this_machine_are_refused(served: Served, host: str) -> None:
    assert served.ask(host=host)[0] == 421


def test_the_page_itself_and_a_tunnel_may_ask(served: Served) -> None:
    assert served.post({"x": 1}, origin=f"http://127.0.0.1:{served.port}", sec_fetch_site="same-origin") == 200
    assert served.post({"x": 2}, host="localhost:9999", origin="http://localhost:9999") == 200
    assert served.seen[-2:] == [{"x": 1}, {"x": 2}]


@pytest.mark.parametrize("path", [
    "/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/server.py", "/static//etc/passwd",
    "/static/%2fetc%2fpasswd", "/static/vendor/../../guard.py", "/static/page.html/../../guard.py", "/static/",
    "/picture/..%2f..%2fetc", "/etc/passwd", "/static/frame.js%00.png", "/do/do",
])  # fmt: skip
def test_paths_reach_no_file(served: Served, path: str) -> None:
    status, text, _ = served.ask(path=path)
    assert status in (404, 405) and b"import" not in text and b"root:" not in text


@pytest.mark.parametrize("words", ["", "number=5", "number=-1", "number=1.0", "number=../1", "number=/etc/passwd",
                                   "number=99999999999999999999", "number=%C2%B2"])  # fmt: skip
def test_pictures_go_by_number_alone(served: Served, words: str) -> None:
    assert served.ask(path=f"/picture/one?{words}")[0] == 400
    assert served.ask(path="/picture/one?number=4")[:2] == (200, b"4")
    assert served.ask(path="/picture/two?number=4")[0] == 404


def test_huge_bodies_are_refused(served: Served) -> None:
    before = list(served.seen)
    with contextlib.suppress(ConnectionResetError):  # hung up
        assert served.post("x" * (MOST + 1)) == 413
    assert served.ask("POST", "/do/do", content_type="application/json", content_length=str(10**12))[0] == 413
    assert served.seen == before and served.post("x" * 1000) == 200


def test_a_huge_body_in_pieces_is_refused_before_it_is_whole(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as wire:
        wire.sendall(f"POST /{TOKEN}/do/do HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n".encode())  # fmt: skip
        piece = b"10000\r\n" + b"1" * 65536 + b"\r\n"
        with contextlib.suppress(OSError):  # it may hang up
            for _ in range(MOST // 65536 + 8):
                wire.sendall(piece)
            assert b" 413 " in wire.recv(100)
    assert not any(isinstance(one, int) and one > 1 for one in served.seen)


@pytest.mark.parametrize("kind, body, status", [
    ("text/plain", b"1", 415), ("application/x-www-form-urlencoded", b"a=1", 415), ("application/json", b"{", 400),
    ("application/json", b"[" * 100_000, 400), ("application/json", b"\xff", 400),
])  # fmt: skip
def test_what_is_no_json_is_refused(served: Served, kind: str, body: bytes, status: int) -> None:
    assert served.ask("POST", "/do/do", body=body, content_type=kind)[0] == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(served: Served, method: str) -> None:
    assert served.ask(method)[0] == 405


def test_done_is_set_by_done_alone(served: Served) -> None:
    assert served.post(1) == 200 and not served.done.is_set()
    assert served.post(1, "/do/done") == 200 and served.done.is_set()


def test_it_listens_on_the_loopback_alone() -> None:
    with server._listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_a_usage_error() -> None:
    from spa.errors import UsageError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port {port}"), server._listening(port):
            pass


@pytest.mark.parametrize("value", [None, "x", float("nan"), True, [], 11])
def test_numbers_of_requests_are_finite_and_within_limits(value: object) -> None:
    from spa.web.page import number

    with pytest.raises(BadRequest, match="size"):
        number(value, "size", 0, 10)
    assert number("3.5", "size", 0, 10) == 3.5


def test_what_was_asked_before_the_user_was_done_is_answered_whole() -> None:
    """A page that is left while its pictures come gets them; its server then ends by itself."""
    asked, given, told = threading.Event(), [], []

    def slow(query: Query) -> Picture:
        asked.set()
        time.sleep(2)
        return Picture(b"whole", "image/png")

    page = Page("A page", "pick.js", dict, {"slow": slow}, {"done": lambda value: value})
    run: Any = SimpleNamespace(warn=told.append, checkpoint=lambda: None)
    job = threading.Thread(target=server.serve, args=(run, page, 0, False), daemon=True)
    job.start()
    while not any("the page is at" in one for one in told):
        time.sleep(0.02)
    address = next(one for one in told if "the page is at" in one).split()[-1]
    picture = threading.Thread(target=lambda: given.append(fetched(address, "picture/slow")))
    picture.start()
    assert asked.wait(10) and fetched(address, "do/done", b"null") == (200, b"null")
    picture.join(10)
    assert given == [(200, b"whole")]
    job.join(5)
    assert not job.is_alive()
