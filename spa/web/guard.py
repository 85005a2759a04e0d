"""Who may ask: only a page that was opened with the token, from this machine's loopback; and only for so much.

A request from another site carries its Origin (or Sec-Fetch-Site), one by DNS rebinding another Host, one by another
user of the machine no token: all are refused before anything of the page is reached.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST = 2 * 2**20  # bytes of a request
NAMES = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Around an application: what is refused never reaches it, and it sees paths without the token."""

    def __init__(self, app: App, token: str) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status, why = self.refusal(scope["method"], scope["path"], headers)
        body = b""
        if not status and scope["method"] == "POST":
            body, status, why = await _body(receive, headers)
        if status:
            await _refuse(_dressed(send), status, why)
            return
        await self.app({**scope, "path": "/" + _split(scope["path"])[1]}, _again(body), _dressed(send))

    def refusal(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        """Status and reason; 0 where the request may pass."""
        host = headers.get("host", "")
        if host.rpartition(":")[0] not in NAMES and host not in NAMES:
            return 421, "not a name of this server"
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return 403, "from another origin"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "from another site"
        if not hmac.compare_digest(_split(path)[0].encode(), self.token.encode()):
            return 403, "without the token of the address that was printed"
        if method not in ("GET", "HEAD", "POST"):
            return 405, "not a method of this server"
        return 0, ""


def _split(path: str) -> tuple[str, str]:
    """The token in front, and the rest."""
    token, _, rest = path.removeprefix("/").partition("/")
    return token, rest


async def _body(receive: Receive, headers: dict[str, str]) -> tuple[bytes, int, str]:
    """The body, or status and reason."""
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return b"", 415, "not JSON"
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST:
        return b"", 413, f"more than {MOST} bytes"
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST:
            return b"", 413, f"more than {MOST} bytes"
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body), 0, ""


def _again(body: bytes) -> Receive:
    """The body as it would have come."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _dressed(send: Send) -> Send:
    """Adds the headers that every answer has."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            more = HEADERS if b"cache-control" in there else HEADERS | {"cache-control": "no-store"}
            message["headers"] = [*message["headers"], *((n.encode(), v.encode()) for n, v in more.items())]
        await send(message)

    return dressed


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
               (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
