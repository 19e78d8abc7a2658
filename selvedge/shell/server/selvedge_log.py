"""The form of the log: text, or one JSON object a line (app.log_format), and a line for each request (app.access_log).

This module is in the folder of each release on the server, and on its PYTHONPATH.
"""

import asyncio
import contextvars
import datetime
import json
import logging
import sys
import time
import urllib.parse

TEXT = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
"""The form of gunicorn's log."""
TIME = "[%Y-%m-%d %H:%M:%S %z]"
REQUEST = f"{TEXT.removesuffix('%(message)s')}%(address)s \"%(message)s\" %(status)d %(duration).3f s"
USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
"""What every record has. The rest is what the app gave as `extra`."""
SAFE = "!#$%&'()*+,/:;=?@[]\\^`{|}~<>"
access = logging.getLogger("selvedge.access")
request_id = contextvars.ContextVar("request_id", default="")


class Json(logging.Formatter):
    """One JSON object a line. nginx's log has the same names (templates/nginx/shared.conf.j2)."""

    def format(self, record):
        """Return the line. A record with odd objects must neither be lost nor raise an exception in the app."""
        try:
            return self.line(record)
        except Exception as error:
            message = f"<a record that cannot be written: {type(error).__name__}>"
            about = {"level": record.levelname.lower(), "logger": record.name, "message": message, "pid": record.process}
            return json.dumps({"time": stamp(time.time()), **about})

    def line(self, record):
        line = {"time": stamp(record.created), "level": record.levelname.lower(), "logger": record.name, "message": said(record)}
        if request_id.get():
            line["request_id"] = request_id.get()
        line["pid"] = record.process
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        for name, value in vars(record).items():
            if name not in USUAL:
                line.setdefault(name, plain(value))
        # The escapes of ASCII are right in any encoding.
        unicode = (getattr(sys.stderr, "encoding", None) or "").lower().replace("-", "") == "utf8"
        text = json.dumps(line, ensure_ascii=not unicode)
        return text.encode("utf-8", "backslashreplace").decode()


def stamp(seconds):
    """Return a time since 1970 as a date with this machine's zone."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")


def said(record):
    """Return a record's message, even if its arguments do not fit."""
    try:
        return record.getMessage().rstrip("\n")
    except Exception:
        return str(record.msg)


def plain(value):
    """Return a value that JSON has; for another object its type, because its text may have secrets."""
    try:
        json.dumps(value, allow_nan=False)
    except Exception:
        return str(value) if isinstance(value, float) else f"<{type(value).__name__}>"
    return value


class Rest(logging.StreamHandler):
    """Writes the records of loggers for which the app has no handler of its own."""

    def filter(self, record):
        logger = logging.getLogger(record.name)
        while logger is not None:
            if any(each is not self and not isinstance(each, logging.NullHandler) for each in logger.handlers):
                return False
            logger = logger.parent if logger.propagate else None
        return super().filter(record)


def begin(level, *, as_json, access_log):
    """Begin the log: of requests, and in JSON also of the app's loggers and of gunicorn. level: the lowest of the app's records."""
    if access_log:
        handler = logging.StreamHandler()
        handler.setFormatter(Json() if as_json else logging.Formatter(REQUEST, TIME))
        access.handlers, access.propagate = [handler], False
        access.setLevel(logging.INFO)
    if not as_json:
        return
    rest = Rest()
    rest.setFormatter(Json())
    logging.root.addHandler(rest)
    logging.root.setLevel(level.upper())
    for name in ("gunicorn.error", "gunicorn.access"):
        for handler in logging.getLogger(name).handlers:
            # Another form is the app's own (logger_class, logconfig_dict).
            if getattr(handler.formatter, "_fmt", "") in (TEXT, "%(message)s"):
                handler.setFormatter(Json())


def requests(app, *, as_json, access_log):
    """Return the ASGI app with a line in the log for each request, and for JSON with the request's id in each record."""
    if access_log:
        app = logged(app)
    return identified(app) if as_json else app


def identified(app):
    """Note nginx's id of the request. Each request has a task of its own, and so its own context."""

    def wrapped(scope, receive, send):
        found = next((value for name, value in scope.get("headers", ()) if name == b"x-request-id"), b"")
        request_id.set(found.decode("latin-1")[:128])
        return app(scope, receive, send)

    return wrapped


def logged(app):
    """Log each request when its response has been sent, and a WebSocket when it ends."""

    async def wrapped(scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await app(scope, receive, send)
        seen = Seen(scope)

        async def send_and_note(message):
            await send(message)
            seen.note(message)

        try:
            await app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            seen.end(499)
            raise
        finally:
            seen.end(500)

    return wrapped


class Seen:
    """A request, and what was sent as its response."""

    def __init__(self, scope):
        self.scope, self.begun = scope, time.perf_counter()
        self.status, self.size, self.ended = 0, 0, False

    def note(self, message):
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close":
            self.end(403)
        elif kind == "http.response.body":
            self.size += len(message.get("body", b""))
            # Code that runs after the response is no part of the request.
            if not message.get("more_body"):
                self.end(500)

    def end(self, status):
        """Write the line. status: that of a request without a response."""
        if self.ended:
            return
        self.ended = True
        scope = self.scope
        method = scope.get("method", "GET")
        path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        query = scope.get("query_string", b"")
        # Nothing in a line of text can look like another line.
        path = urllib.parse.quote(path.partition(b"?")[0] + (b"?" + query if query else b""), safe=SAFE)
        facts = {
            "address": (scope.get("client") or [""])[0],
            "method": method,
            "path": path,
            "status": self.status or status,
            "duration": round(time.perf_counter() - self.begun, 3),
            "bytes": self.size,
        }
        access.info("%s %s HTTP/%s", method, path, scope.get("http_version", "1.1"), extra=facts)
