"""What an app server gives the app that does not read nginx's headers itself (selvedge_asgi.py)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from selvedge.shell import library


@pytest.fixture
def asgi(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(library.__file__).parent / "server"))
    import selvedge_asgi

    return selvedge_asgi


def scopes(wrap: Any, **scope: Any) -> dict[str, Any]:
    """Return the scope that the app gets."""
    seen: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
        seen.append(scope)

    asyncio.run(wrap(app)(scope, None, None))
    return seen[0]


@pytest.mark.parametrize(("kind", "scheme"), [("http", "https"), ("websocket", "wss")])
def test_the_visitors_address_and_scheme(asgi: Any, kind: str, scheme: str) -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    found = scopes(asgi.forwarded, type=kind, headers=headers, scheme="http", client=None)
    assert (found["client"], found["scheme"]) == (("203.0.113.9", 0), scheme)


def test_the_lifespan_has_no_visitor(asgi: Any) -> None:
    assert scopes(asgi.forwarded, type="lifespan") == {"type": "lifespan"}


def test_a_header_for_each_response(asgi: Any) -> None:
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(asgi.with_header(app, b"x-release", b"r")({"type": "http"}, None, send))
    assert sent[0]["headers"] == [(b"a", b"b"), (b"x-release", b"r")] and sent[1] == {"type": "http.response.body"}


def test_the_lines_of_vary_are_one(asgi: Any) -> None:
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"Vary", b"Accept"), (b"content-length", b"0"), (b"vary", b"Accept-Language, Cookie")]
        send({"type": "http.response.start", "status": 200, "headers": headers})

    asyncio.run(asgi.streaming(app)({"type": "http"}, None, sent.append))
    assert sent[0]["headers"] == [(b"content-length", b"0"), (b"vary", b"Accept, Accept-Language, Cookie")]


@pytest.mark.parametrize(("messages", "error", "said"), [
    (["lifespan.startup.complete"], None, ["began", "ready"]),
    (["lifespan.startup.failed"], None, ["began", "failed"]),
    ([], None, ["began", "ready"]),
    ([], RuntimeError("no lifespan"), ["began", "ready"]),
    (["lifespan.startup.complete"], RuntimeError("at its end"), ["began", "ready"]),
])  # fmt: skip
def test_the_start_of_the_app_is_announced_once(asgi: Any, messages: list[str], error: Exception | None, said: list[str]) -> None:
    told: list[str] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send({"type": message})
        if error:
            raise error

    async def send(_message: Any) -> None: ...

    wrapped = asgi.announced(app, lambda: told.append("began"), lambda: told.append("ready"), lambda _text: told.append("failed"))
    try:
        asyncio.run(wrapped({"type": "lifespan"}, None, send))
    except RuntimeError as raised:
        assert raised is error
    assert told == said


class Visitor:
    """The connection of a WebSocket: messages to the app, and those that it sends."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if message["type"] == "websocket.close":
            await self.queue.put({"type": "websocket.disconnect", "code": 1000})


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": message["text"]})
    if message["code"] != 1012:
        raise RuntimeError(message["code"])


async def ticker(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    for _ in range(1000):
        await send({"type": "websocket.send", "text": "tick"})
        await asyncio.sleep(0.01)


async def late(_scope: Any, _receive: Any, send: Any) -> None:
    """Accept the visitor when the server is about to end."""
    await asyncio.sleep(0.3)
    await ticker(_scope, _receive, send)


async def farewell(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    await asyncio.sleep(0.3)
    await send({"type": "websocket.close", "code": 1000})


@pytest.mark.parametrize("app", [echo, ticker, late, farewell])
def test_websockets_are_closed_once_because_the_server_restarts(asgi: Any, app: Any) -> None:
    async def run() -> Visitor:
        visitor = Visitor()
        sockets = asgi.WebSockets(app)
        task = asyncio.ensure_future(sockets({"type": "websocket"}, visitor.queue.get, visitor.send))
        await asyncio.sleep(0.1)
        sockets.close()
        await asyncio.wait_for(task, 5)
        return visitor

    sent = asyncio.run(run()).sent
    assert sent[0] == {"type": "websocket.accept"}
    assert [each for each in sent if each["type"] == "websocket.close"] == [sent[-1]] == [{"type": "websocket.close", "code": 1012}]


def test_a_websocket_that_the_app_has_closed_is_left_alone(asgi: Any) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4000})
        await asyncio.sleep(0.2)

    async def run() -> Visitor:
        visitor = Visitor()
        sockets = asgi.WebSockets(app)
        task = asyncio.ensure_future(sockets({"type": "websocket"}, visitor.queue.get, visitor.send))
        await asyncio.sleep(0.1)
        sockets.close()
        await task
        return visitor

    assert [each.get("code") for each in asyncio.run(run()).sent] == [None, 4000]
