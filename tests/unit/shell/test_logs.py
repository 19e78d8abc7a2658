"""The choice of a log's lines on the server."""

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from selvedge.operations.support.log_times import log_time
from selvedge.shell.server import logs

PLAIN = {"since": None, "until": None, "errors": False, "grep": "", "lines": 100}


def shown(path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any, **wishes: object) -> list[str]:
    """Return what the program prints for a log, without the name and the time."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(PLAIN | wishes)))
    logs.main("app", str(path.stat().st_size), str(path))  # type: ignore[no-untyped-call]
    sys.stdout.flush()
    return [line.split(" ", 2)[2] for line in capfdbinary.readouterr().out.decode().splitlines()]


@pytest.mark.parametrize(("line", "is_error"), [
    ("2026-11-29 10:00:00 ERROR x", True),
    ("2026-11-29 10:00:00 INFO no ERROR here", False),
    ('10.0.0.1 - - [29/Nov/2026:10:00:00 +0000] "GET /ERROR HTTP/1.1" 200 5 "-" "ERROR"', False),
    ('{"message": "no \\"level\\": \\"error\\" here", "level": "info"}', False),
    ('{"message": "x", "level" : "error"}', True),
    ('{"level":"err","msg":"x"}', True),
    ('{"extra": {"level": "error"}, "level": "info", "message": "x"}', False),
    ('{"message": "ERROR", "level": "warning"}', False),
    ('{"message": "cut off, "level": "error"', False),
    ('{"level": 50, "message": "x"}', False),
])  # fmt: skip
def test_which_records_are_errors(line: str, is_error: bool) -> None:
    assert logs.is_error(line) == is_error  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(("line", "date"), [
    ('{"job": {"time": "2020-01-01T00:00:00Z"}, "time": "2026-11-29T10:00:00.5Z"}', "2026-11-29T10:00:00.5Z"),
    ('{"timestamp" : "2026-11-29 10:00:00Z"}', "2026-11-29T10:00:00Z"),
    ("INFO:     2026-11-29 10:00:00+00:00 x", "2026-11-29T10:00:00Z"),
    ('{"message": "2026-11-29 10:00:00"}', None),
    ('{"time": 1764410400}', None),
])  # fmt: skip
def test_the_time_of_a_record(line: str, date: str | None) -> None:
    wanted = datetime.fromisoformat(date).timestamp() if date else None
    assert logs.time_of(line) == wanted  # type: ignore[no-untyped-call]


def test_a_very_long_line_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> None:
    log = tmp_path / "app.log"
    log.write_text(f"first\n{'x' * 20_000_000}\nlast\n")
    assert [len(each) for each in shown(log, monkeypatch, capfdbinary, lines=2)] == [20_000_000, 4]


@pytest.mark.parametrize("text", ["1970-01-01", "1969-07-20", "1970-01-01T00:00Z"])
def test_a_date_before_all_logs_is_no_time_span(text: str) -> None:
    found = log_time("since", text, datetime(2026, 11, 29, tzinfo=UTC))
    assert found is not None and found >= 1
