"""The form of the app's log (selvedge_log.py)."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selvedge.operations.support.log_lines import readable
from selvedge.report.text import plain
from selvedge.shell import library

HOSTILE = 'say "hi" \\ \n\r\t\x00\x1b[31m \x7f \x85 \u2028 \udcff 中'


class NoText:
    """Its text cannot be made."""

    def __str__(self) -> str:
        return str(self)


Begin = Callable[..., io.StringIO]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(library.__file__).parent / "server"))
    import selvedge_log

    return selvedge_log


@pytest.fixture
def begin(log: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begin the log, whose output is returned. Afterwards logging is as it was."""
    root, access = logging.root, log.access
    state = [(each, each.handlers[:], each.level, each.propagate) for each in (root, access, logging.getLogger("shop"))]
    output = io.StringIO()

    def start(**wanted: bool) -> io.StringIO:
        monkeypatch.setattr("sys.stderr", output)
        root.handlers[:] = []
        log.begin("info", **{"as_json": True, "access_log": False, **wanted})
        return output

    yield start
    for logger, handlers, level, propagate in state:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().split("\n")[:-1]]


def serve(app: Any, wanted: Any, **scope: Any) -> None:
    """Send the app a request."""

    async def send(_message: Any) -> None:
        pass

    asyncio.run(wanted(app)({"type": "http", "headers": [], "method": "GET", "path": "/", **scope}, None, send))


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    logging.getLogger("shop").info("in the app")
    await send({"type": "http.response.start", "status": 201})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})
    await send({"type": "http.response.body", "body": b"d"})


class TestRecords:
    def test_hostile_text_is_one_line_of_json(self, begin: Begin) -> None:
        output = begin()
        logging.getLogger("shop").warning("%s", HOSTILE, extra={HOSTILE: HOSTILE})
        (found,) = lines(output)
        assert (found["message"], found[HOSTILE], found["level"], found["logger"]) == (HOSTILE, HOSTILE, "warning", "shop")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", found["time"])

    def test_a_traceback_is_a_part_of_its_record(self, begin: Begin) -> None:
        output = begin()
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logging.getLogger("shop").exception("failed")
        (found,) = lines(output)
        assert found["exception"].startswith("Traceback (most recent call last):\n") and "ValueError: say" in found["exception"]

    def test_objects_show_their_type_only(self, begin: Begin) -> None:
        output = begin()
        more = {"user": 7, "tags": ["a"], "settings": {"password": object()}, "rate": float("inf"), "time": "mine"}
        logging.getLogger("shop").info("x %d", "not a number", extra=more)
        (found,) = lines(output)
        assert (found["user"], found["tags"], found["settings"], found["rate"]) == (7, ["a"], "<dict>", "inf")
        assert found["message"] == "x %d" and found["time"] != "mine"

    @pytest.mark.parametrize(
        "record", [{"msg": NoText()}, {"msg": 10**5000}, {"msg": "x", (1, 2): 3}, {"msg": "x", "exc_info": (1, 2, 3)}]
    )
    def test_a_record_that_cannot_be_written_is_a_line_all_the_same(self, begin: Begin, record: dict[Any, Any]) -> None:
        output = begin()
        logging.getLogger("shop").handle(logging.makeLogRecord({"name": "shop", "levelno": 40, "levelname": "ERROR", **record}))
        (line,) = output.getvalue().splitlines()
        assert json.loads(line)["level"] == "error" and "cannot be written" in json.loads(line)["message"]

    def test_a_logger_with_a_handler_of_the_apps_is_left_alone(self, begin: Begin) -> None:
        output, own = begin(), io.StringIO()
        logging.getLogger("shop").addHandler(logging.StreamHandler(own))
        logging.getLogger("shop.cart").info("mine")
        assert (output.getvalue(), own.getvalue()) == ("", "mine\n")

    def test_an_app_that_configures_all_logging_is_left_alone(self, begin: Begin) -> None:
        output, own = begin(), io.StringIO()
        logging.basicConfig(stream=own, format="%(message)s", force=True)
        logging.getLogger("shop").info("mine")
        assert (output.getvalue(), own.getvalue()) == ("", "mine\n")

    def test_text_leaves_logging_as_it_is(self, begin: Begin) -> None:
        before = logging.root.level
        begin(as_json=False)
        assert logging.root.handlers == [] and logging.root.level == before


class TestRequests:
    def test_a_request_has_a_line_with_its_id(self, log: Any, begin: Begin) -> None:
        output = begin(access_log=True)
        scope = {"path": "/ü", "raw_path": b'/\xfc"\n', "query_string": b"q=1", "client": ("203.0.113.9", 0)}
        serve(answer, lambda app: log.requests(app, as_json=True, access_log=True), headers=[(b"x-request-id", b"f00")], **scope)
        own, found = lines(output)
        assert (own["message"], own["request_id"]) == ("in the app", "f00")
        assert (found["request_id"], found["address"], found["status"], found["bytes"]) == ("f00", "203.0.113.9", 201, 4)
        assert found["message"] == "GET /%FC%22%0A?q=1 HTTP/1.1" and found["duration"] >= 0
        (shown,) = readable(output.getvalue().splitlines()[1])
        assert re.search(r'  INFO     203\.0\.113\.9 "GET /\S+ HTTP/1\.1" 201 [\d.]+ s  bytes=4  \[f00\]$', plain(shown))

    def test_the_next_request_has_another_id(self, log: Any, begin: Begin) -> None:
        output = begin()
        for headers in ([(b"x-request-id", b"one")], []):
            serve(answer, lambda app: log.requests(app, as_json=True, access_log=False), headers=headers)
        assert [each.get("request_id") for each in lines(output)] == ["one", None]

    def test_text_has_the_form_of_gunicorns_log(self, log: Any, begin: Begin) -> None:
        output = begin(as_json=False, access_log=True)
        serve(answer, lambda app: log.requests(app, as_json=False, access_log=True), client=None)
        shown = re.sub(r"\d", "0", output.getvalue())
        assert re.fullmatch(r'\[0000-00-00 00:00:00 \+0000\] \[0+\] \[INFO\]  "GET / HTTP/0\.0" 000 0\.000 s\n', shown)

    @pytest.mark.parametrize(("error", "status"), [(ValueError, 500), (asyncio.CancelledError, 499)])
    def test_a_request_without_a_response(self, log: Any, begin: Begin, error: type[BaseException], status: int) -> None:
        output = begin(access_log=True)

        async def fails(_scope: Any, _receive: Any, _send: Any) -> None:
            raise error

        with pytest.raises(error):
            serve(fails, log.logged)
        assert [each["status"] for each in lines(output)] == [status]

    def test_a_websocket_has_one_line_at_its_end(self, log: Any, begin: Begin) -> None:
        output = begin(access_log=True)

        async def talks(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "x"})

        serve(talks, log.logged, type="websocket")
        assert [each["status"] for each in lines(output)] == [101]

    def test_without_both_the_app_is_not_wrapped(self, log: Any) -> None:
        assert log.requests(answer, as_json=False, access_log=False) is answer
