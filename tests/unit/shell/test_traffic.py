"""The requests of nginx's log in one form, for GoAccess."""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from pathlib import Path

import pytest

from selvedge.shell.server import traffic

NOW = time.time()


def at(days: float) -> float:
    return NOW - days * 86400


def combined(days: float, path: str = "/") -> str:
    when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at(days)))
    return f'203.0.113.9 - - [{when}] "GET {path} HTTP/1.1" 200 12 "-" "curl/8"'


def as_json(days: float, **more: object) -> str:
    when = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at(days)))
    usual = {"time": when, "address": "203.0.113.9", "user": "", "message": "GET / HTTP/1.1", "status": 200, "duration": 0.25,
             "bytes": 12, "referer": "", "user_agent": "curl/8"}  # fmt: skip
    return json.dumps({**usual, **more})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with rotated files: today's, yesterday's, one of three days ago, and one of ten days ago."""
    path = tmp_path / "nginx-access.log"
    path.write_text(combined(0.1, "/today") + "\n")
    (tmp_path / "nginx-access.log.1").write_text(combined(1, "/yesterday") + "\n")
    for number, days in ((2, 3), (10, 10)):
        with gzip.open(tmp_path / f"nginx-access.log.{number}.gz", "wt") as file:
            file.write(combined(days, f"/{days}") + "\n")
    os.utime(tmp_path / "nginx-access.log.10.gz", (at(10), at(10)))
    return path


def paths(lines: list[str]) -> list[str]:
    return [re.findall(r'"GET (\S+)', line)[0] for line in lines]


@pytest.mark.parametrize(("days", "found"), [
    (0.5, ["/today"]), (2, ["/yesterday", "/today"]), (7, ["/3", "/yesterday", "/today"]),
    (30, ["/10", "/3", "/yesterday", "/today"]),
])  # fmt: skip
def test_the_days_are_chosen_from_all_files_the_oldest_first(log: Path, days: float, found: list[str]) -> None:
    assert paths(list(traffic.requests(str(log), at(days) - 5, ""))) == found


def test_lines_of_both_forms_become_one(log: Path) -> None:
    log.write_text(f"{combined(0.1)}\n{as_json(0.1)}\nno request\n{{\"time\": 1}}\n")
    plain = list(traffic.requests(str(log), at(0.5), ""))
    assert plain[0] == plain[1] and len(plain) == 2
    timed = list(traffic.requests(str(log), at(0.5), "timed"))
    assert [line.rpartition(" ")[2] for line in timed] == ["0.000", "0.250"]


@pytest.mark.parametrize("text", ['a" 200 1 "x', "a\\", "a\nb - - [", "a\x1b[31m", "\udcff", "<script>", '" "'])
def test_a_visitor_cannot_make_another_line(log: Path, text: str) -> None:
    log.write_text(as_json(0.1, user=text, message=text, referer=text, user_agent=text) + "\n", errors="surrogateescape")
    (line,) = traffic.requests(str(log), at(0.5), "")
    assert line.count('"') == 6 and line.isascii() is ("\udcff" not in text) and not re.search(r"[\x00-\x1f]", line)
    assert re.search(r'" 200 12 "[^"]*" "[^"]*"$', line)


def test_the_number_of_requests_is_told(log: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    traffic.main("7", "", str(log))
    found = capfdbinary.readouterr()
    assert (found.out.count(b"\n"), found.err) == (3, b"requests 3\n")
