"""`fab logs` with --since, --until and --grep, with rotated logs, JSON and several hosts."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.logs import Flags, logs
from tests.hosts.scripts.operations.fakes import Fake, live
from tests.support.releases import NEW, OLD

HOSTILE = "a'b\"c$(touch /pwned)`x`\\ %s ; é"


def record(clock: str, text: str = "x", level: str = "INFO") -> str:
    return f"[2026-11-29 {clock} +0000] [1] [{level}] {text}\n"


def as_json(clock: str, message: str, **more: Any) -> str:
    found = {"time": f"2026-11-29T{clock}.000+00:00", "level": "info", "logger": "app", "message": message, **more}
    return f"{json.dumps(found)}\n"


@pytest.fixture
def one(fake: Callable[..., Fake]) -> Fake:
    found = fake("one")
    live(found.servers["one"], NEW)
    found.servers["one"].path("/var/log/hello").mkdir()
    return found


def write(found: Fake, name: str, text: str, host: str = "one") -> None:
    path = found.servers[host].path(f"/var/log/hello/{name}")
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


def read(found: Fake, **flags: Any) -> list[str]:
    logs(found.run, Flags(**flags))
    return found.text.splitlines()


class TestPeriods:
    def test_rotated_logs_and_those_of_earlier_releases_are_in_order(self, one: Fake) -> None:
        write(one, f"{OLD}.log", record("09:00:00", "too early") + record("10:00:00", "old release") + "  its second line\n")
        write(one, f"{NEW}.log.2.gz", record("10:10:00", "two"))
        write(one, f"{NEW}.log.1.gz", record("10:20:00", "one"))
        write(one, f"{NEW}.log", record("10:30:00", "now") + record("12:00:00", "too late"))
        shown = read(one, since="2026-11-29T09:30Z", until="2026-11-29T11:00Z")
        assert [line.split("] ")[-1].split()[-1] for line in shown] == ["release", "line", "two", "one", "now"]
        assert [line.split()[0] for line in shown] == [OLD, OLD, NEW, NEW, NEW]

    def test_a_span_counts_by_the_servers_clock(self, one: Fake) -> None:
        ago = [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - seconds)) for seconds in (700, 500)]
        write(one, f"{NEW}.log", "".join(f"[{moment} +0000] [1] [INFO] {number}\n" for number, moment in enumerate(ago)))
        assert [line[-1] for line in read(one, since="10m")] == ["1"]

    def test_all_lines_of_a_period_are_shown_unless_their_number_is_given(self, one: Fake) -> None:
        write(one, f"{NEW}.log", "".join(record("10:00:00", str(number)) for number in range(300)))
        assert len(read(one, since="2026-11-29T00:00Z")) == 300

    def test_the_number_limits_a_period(self, one: Fake) -> None:
        write(one, f"{NEW}.log", "".join(record("10:00:00", str(number)) for number in range(300)))
        assert len(read(one, since="2026-11-29T00:00Z", lines=7)) == 7

    def test_a_log_without_times_has_that_of_its_file(self, one: Fake) -> None:
        write(one, f"{NEW}.log", "print\n")
        assert read(one, since="1h") == ["print"]
        os.utime(one.servers["one"].path(f"/var/log/hello/{NEW}.log"), (1, 1))
        one.screen.truncate(0)
        assert "print" not in "".join(read(one, since="1h"))

    def test_nginx_logs_have_their_own_forms(self, one: Fake) -> None:
        lines = [f'203.0.113.9 - - [29/Nov/2026:1{hour}:00:00 +0000] "GET /{hour} HTTP/1.1" 200 1 "-" "-"\n' for hour in (0, 1, 2)]
        write(one, "nginx-access.log", "".join(lines))
        local = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(1795950000 + 100))
        write(one, "nginx-error.log", f"{local} [error] 1#1: *1 upstream\n")
        shown = read(one, nginx=True, since="2026-11-29T10:30Z", until="2026-11-29T11:30Z")
        assert [line.split()[0] for line in shown] == ["access", "error"] and "/1 HTTP" in shown[0]

    @pytest.mark.parametrize("text", [
        "10", "x", "-1h", "0m", "25:00", "2026-02-30", "2026-11-29T10:00+99:00", "$(x)", "9" * 30 + "d",
    ])  # fmt: skip
    def test_other_words_are_no_time(self, fake: Callable[..., Fake], text: str) -> None:
        with pytest.raises(UsageError, match=r"--since .* is not a time"):
            read(fake(gone=["one"]), since=text)

    @pytest.mark.parametrize("flags", [
        {"since": "2026-11-29", "until": "2026-11-28"}, {"since": "10m", "until": "20m"}, {"until": "1h", "follow": True},
        {"grep": "a\nb"},
    ])  # fmt: skip
    def test_flags_that_contradict_each_other(self, fake: Callable[..., Fake], flags: dict[str, Any]) -> None:
        with pytest.raises(UsageError) as caught:
            read(fake("one", gone=["one"]), **flags)
        assert caught.value.status == 2 and caught.value.remedy

    @pytest.mark.parametrize("text", ["30s", "10min", "2w", "00:00", "0:00:10", "today", "yesterday", "2026-11-29 10:00"])
    def test_times(self, one: Fake, text: str) -> None:
        write(one, f"{NEW}.log", "")
        assert read(one, since=text) == []


class TestGrep:
    def test_a_record_is_shown_as_a_whole(self, one: Fake) -> None:
        text = record("10:00:00", "no", "ERROR") + record("10:00:01", "Exception", "ERROR") + "Traceback (most recent call last):\n"
        write(one, f"{NEW}.log", text + "ValueError: Boom\n" + record("10:00:02"))
        shown = read(one, grep="boom")
        assert len(shown) == 3 and shown[0].endswith("Exception") and shown[2] == "ValueError: Boom"

    def test_printed_lines_are_records_of_their_own(self, one: Fake) -> None:
        write(one, f"{NEW}.log", f"{record('10:00:00')}printed\nboom\nprinted\nwith\n boom\nprinted\n")
        assert read(one, grep="boom") == ["boom", "with", " boom"]

    def test_tracebacks_of_one_error_belong_together(self, one: Fake) -> None:
        first = "Traceback (most recent call last):\n  File\nE: a\n\nDuring handling of the above\n\n"
        second = "Traceback (most recent call last):\n  x\nE: b\n"
        write(one, f"{NEW}.log", f"{record('10:00:00')}printed\n{first}{second}printed\n")
        assert read(one, grep="e: b") == ["printed", *f"{first}{second}".splitlines()]

    def test_a_server_whose_python_fails(self, one: Fake) -> None:
        write(one, f"{NEW}.log", "x\n")
        one.servers["one"].program("python3", "exit 1")
        with pytest.raises(SelvedgeError, match="one: python3 could not read the log file") as caught:
            read(one)
        assert caught.value.remedy == "Run `fab -H one install` first."

    def test_capitals_count_where_the_text_has_some(self, one: Fake) -> None:
        write(one, f"{NEW}.log", record("10:00:00", "boom") + record("10:00:01", "Boom"))
        assert [line[-4:] for line in read(one, grep="Boom")] == ["Boom"]

    @pytest.mark.parametrize("form", [record, as_json])
    def test_the_text_is_no_pattern_and_no_command(self, one: Fake, form: Callable[[str, str], str]) -> None:
        write(one, f"{NEW}.log", form("10:00:00", "a.b") + form("10:00:00", HOSTILE))
        assert [HOSTILE in line for line in read(one, grep=HOSTILE)] == [True]
        assert not one.servers["one"].path("/pwned").exists()

    def test_rotated_logs_are_searched(self, one: Fake) -> None:
        write(one, f"{NEW}.log.1.gz", record("10:00:00", "needle"))
        write(one, f"{NEW}.log", record("11:00:00"))
        assert len(read(one, grep="needle")) == 1

    @pytest.mark.parametrize("damaged", [b"\x1f\x8bno", gzip.compress(b"x" * 99, mtime=0)[:10] + b"\xff" * 20])
    def test_a_broken_rotated_log_does_not_hide_the_rest(self, one: Fake, damaged: bytes) -> None:
        write(one, f"{NEW}.log", record("11:00:00", "needle"))
        one.servers["one"].path(f"/var/log/hello/{NEW}.log.1.gz").write_bytes(damaged)
        assert len(read(one, grep="needle")) == 1


class TestForms:
    def test_json_and_text_side_by_side(self, one: Fake) -> None:
        error = {"level": "error", "exception": "Traceback (most recent call last):\nValueError: no", "request_id": "f00"}
        request = {"address": "203.0.113.9", "method": "GET", "path": "/", "status": 200, "duration": 0.012, "bytes": 3}
        lines = [record("10:00:00", "text"), as_json("10:00:01", "\033[31mhi\n{}", user=7), as_json("10:00:02", "broken", **error)]
        lines += [as_json("10:00:03", "GET / HTTP/1.1", **request), '{"not": "a record"}\n{broken\n']
        write(one, f"{NEW}.log", "".join(lines))
        assert read(one) == [
            "[2026-11-29 10:00:00 +0000] [1] [INFO] text",
            "2026-11-29 10:00:01.000 +0000  INFO     hi  user=7",
            "{}",
            "2026-11-29 10:00:02.000 +0000  ERROR    broken  [f00]",
            "Traceback (most recent call last):",
            "ValueError: no",
            '2026-11-29 10:00:03.000 +0000  INFO     203.0.113.9 "GET / HTTP/1.1" 200 0.012 s  bytes=3',
            '{"not": "a record"}',
            "{broken",
        ]

    def test_raw_lines_are_those_of_the_log(self, fake: Callable[..., Fake]) -> None:
        found = fake("a", "b")
        for number, (name, server) in enumerate(found.servers.items()):
            live(server, OLD)
            server.path("/var/log/hello").mkdir()
            write(found, f"{OLD}.log", as_json(f"10:00:0{number}", name), name)
        assert [json.loads(line)["message"] for line in read(found, raw=True)] == ["a", "b"]

    def test_errors_in_json(self, one: Fake) -> None:
        write(one, f"{NEW}.log", as_json("10:00:00", "ERROR") + as_json("10:00:01", "really", level="error"))
        assert len(read(one, errors=True)) == 1


def test_hosts_are_merged_by_time_and_records_stay_whole(fake: Callable[..., Fake]) -> None:
    found = fake("a", "b")
    for server in found.servers.values():
        live(server, OLD)
        server.path("/var/log/hello").mkdir()
    # The second host's clock is in another zone.
    write(found, f"{OLD}.log", record("10:00:00", "1") + "and 1\n" + record("10:00:02", "3") + record("10:00:01", "late"), "a")
    write(found, f"{OLD}.log", record("18:00:01", "2").replace("+0000", "+0800") + as_json("10:00:03", "4"), "b")
    shown = read(found)
    assert [f"{line[0]} {line.split()[-1]}" for line in shown] == ["a 1", "a 1", "b 2", "a 3", "a late", "b 4"]
