"""What Selvedge puts around an ASGI app, whichever app server runs it: its path behind nginx, streams, and the visitor's address.

This module is in the folder of each release on the server, and on its PYTHONPATH.
"""

import asyncio
import re
import sys

PREFIX = b"x-forwarded-prefix"
"""The header in which nginx says which path of its site the app has ([nginx] path). Visitors cannot send it.

Each release looks for it: nginx may have another path than this release had, after a rollback for example.
"""


def old_starlette():
    """Return whether Starlette expects a path without root_path: before 0.35, unlike ASGI's specification says."""
    starlette = sys.modules.get("starlette")
    version = re.match(r"(\d+)\.(\d+)", getattr(starlette, "__version__", ""))
    return bool(version) and (int(version[1]), int(version[2])) < (0, 35)


def below_path(scope, path, strip):
    """Return a request's scope for an app that has only a path of its site: with the path as root_path."""
    scope = {**scope, "root_path": path.decode("latin-1")}
    if strip and scope["path"].startswith(scope["root_path"]):
        scope["path"] = scope["path"][len(path) :] or "/"
        scope["raw_path"] = (scope.get("raw_path") or b"").removeprefix(path) or b"/"
    return scope


def one_vary(headers):
    """Return a response's headers with one Vary: nginx before 1.23 reads only the last one when it keeps a response."""
    values = [value for name, value in headers if name.lower() == b"vary"]
    return [*(each for each in headers if each[0].lower() != b"vary"), (b"vary", b", ".join(values))]


def streaming(app):
    """Make nginx pass on each piece of a streamed response when the app sends it.

    Otherwise nginx compresses such a response as a whole and sends it at its end. A response with Content-Length is no stream.
    This runs for each request, so it is a plain function that returns the app's own coroutine.
    """
    strip = old_starlette()

    def wrapped(scope, receive, send):
        for name, value in scope.get("headers", ()):
            if name == PREFIX:
                scope = below_path(scope, value, strip)
                break
        if scope["type"] != "http":
            return app(scope, receive, send)

        def send_unbuffered(message):
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if sum(name in (b"vary", b"Vary") for name, _ in headers) > 1:
                    headers = one_vary(headers)
                    message = {**message, "headers": headers}
                for name, _ in headers:
                    if name == b"content-length" or name.lower() in (b"content-length", b"x-accel-buffering"):
                        return send(message)
                message = {**message, "headers": [*headers, (b"x-accel-buffering", b"no")]}
            return send(message)

        return app(scope, receive, send_unbuffered)

    return wrapped


def forwarded(app):
    """Give the app the visitor's address and scheme, as nginx says them. Only nginx can reach the app's socket.

    For an app server that does not read these headers. nginx sends one value of each.
    """

    def wrapped(scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            scope = dict(scope)
            for name, value in scope["headers"]:
                if name == b"x-forwarded-for":
                    scope["client"] = (value.decode("latin-1").strip(), 0)
                elif name == b"x-forwarded-proto":
                    protocol = "ws" if scope["type"] == "websocket" else "http"
                    scope["scheme"] = f"{protocol}s" if value.strip() == b"https" else protocol
        return app(scope, receive, send)

    return wrapped


def with_header(app, name, value):
    """Add a header to every response, for an app server that cannot. name, value: bytes."""

    def wrapped(scope, receive, send):
        if scope["type"] != "http":
            return app(scope, receive, send)

        def send_with_header(message):
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (name, value)]}
            return send(message)

        return app(scope, receive, send_with_header)

    return wrapped


RESTART = 1012
"""The code of a WebSocket that is closed because its server restarts. Clients connect again (RFC 6455, registered codes)."""


class Restarting(ConnectionResetError):
    """The app sends a message by a WebSocket that was closed because its server restarts."""


class WebSockets:
    """An app whose open WebSockets can be closed, for an app server that would only wait for them."""

    def __init__(self, app):
        self.app, self.open, self.closing, self.tasks = app, set(), False, []

    def __call__(self, scope, receive, send):
        return (self.serve if scope["type"] == "websocket" else self.app)(scope, receive, send)

    def close(self):
        """Close the open WebSockets, and those that are opened later. This does not wait for slow clients."""
        self.closing = True
        while self.open:
            self.tasks.append(asyncio.ensure_future(self.open.pop()({"type": "websocket.close", "code": RESTART})))

    async def serve(self, scope, receive, send):
        accepted = False

        async def send_until_closed(message):
            nonlocal accepted
            if accepted and self.closing:
                if message["type"] == "websocket.close":
                    return
                raise Restarting("the WebSocket is closed, because the app server restarts")
            if message["type"] == "websocket.close":
                self.open.discard(send)
            await send(message)
            if message["type"] == "websocket.accept":
                accepted = True
                self.open.add(send)
                if self.closing:
                    self.close()

        async def receive_the_end():
            message = await receive()
            if accepted and self.closing and message["type"] == "websocket.disconnect":
                message = {**message, "code": RESTART}
            return message

        try:
            await self.app(scope, receive_the_end, send_until_closed)
        except Restarting:
            pass
        finally:
            self.open.discard(send)


def announced(app, began, ready, failed):
    """Call began() when the app's start-up code (its lifespan) begins, then ready() or failed(message)."""

    async def lifespan(scope, receive, send):
        told = False

        async def send_and_tell(message):
            nonlocal told
            if message["type"] == "lifespan.startup.failed":
                told = True
                failed(message.get("message", ""))
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                told = True
                ready()

        began()
        # An app need not have a lifespan: then it refuses it by an exception, or returns.
        try:
            await app(scope, receive, send_and_tell)
        except Exception:
            if not told:
                ready()
            raise
        if not told:
            ready()

    def wrapped(scope, receive, send):
        return (lifespan if scope["type"] == "lifespan" else app)(scope, receive, send)

    return wrapped
