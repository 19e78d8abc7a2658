"""`fab logs` without --follow, which needs a real connection to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selvedge.errors import SelvedgeError
from selvedge.operations.logs import Flags, logs
from tests.hosts.scripts.operations.fakes import Fake, instance, live
from tests.support.releases import NEW, OLD

LOG = """[2026-11-22 12:22:02 +0000] [1302] [INFO] Started
[2026-11-22 12:22:03 +0000] [1302] [ERROR] Exception in ASGI application
Traceback (most recent call last):
  File "main.py", line 3, in home
ValueError: \033[31mno\033[0m
[2026-11-22 12:22:04 +0000] [1302] [INFO] Goes on
INFO:     127.0.0.1 - "GET /ERROR HTTP/1.1" 200
{"level": "info", "message": "json"}
{"time": 1, "level": "error", "message": "json too"}
print of the app
WARNING: not that bad
Traceback (most recent call last):
  File "worker.py", line 1
KeyError: 'x'
"""


class TestLogs:
    @pytest.fixture
    def one(self, fake: Callable[..., Fake]) -> Fake:
        found = fake("one")
        server = found.servers["one"]
        instance(server, OLD, "good")
        live(server, OLD)
        folder = server.path("/var/log/hello")
        folder.mkdir()
        (folder / f"{OLD}.log").write_text(LOG)
        (folder / f"{NEW}.log").write_text("of another release\n")
        (folder / "nginx-access.log").write_text("a 1\na 2\n")
        (folder / "nginx-error.log").write_bytes(b"e 1\ne \xff\x07 2 without an end")
        return found

    def read(self, one: Fake, lines: int = -1, **flags: Any) -> list[str]:
        logs(one.run, Flags(lines=lines, **flags))
        return one.text.splitlines()

    def test_the_last_lines_of_the_live_release(self, one: Fake) -> None:
        assert self.read(one, 2) == ['  File "worker.py", line 1', "KeyError: 'x'"]

    def test_zero_lines(self, one: Fake) -> None:
        assert self.read(one, 0) == []

    def test_errors_are_whole_records_and_tracebacks(self, one: Fake) -> None:
        assert self.read(one, errors=True) == [
            "[2026-11-22 12:22:03 +0000] [1302] [ERROR] Exception in ASGI application",
            "Traceback (most recent call last):",
            '  File "main.py", line 3, in home',
            "ValueError: no",
            "1  ERROR    json too",
            "print of the app",
            "Traceback (most recent call last):",
            '  File "worker.py", line 1',
            "KeyError: 'x'",
        ]

    def test_the_number_of_lines_limits_errors(self, one: Fake) -> None:
        assert self.read(one, 1, errors=True) == ["KeyError: 'x'"]

    def test_logs_of_nginx_are_named(self, one: Fake) -> None:
        assert self.read(one, nginx=True) == [
            "access  a 1",
            "access  a 2",
            "error   e 1",
            "error   e ?� 2 without an end",
        ]

    def test_errors_of_nginx(self, one: Fake) -> None:
        assert self.read(one, 1, nginx=True, errors=True) == ["e ?� 2 without an end"]

    def test_lines_begin_with_their_host(self, fake: Callable[..., Fake]) -> None:
        found = fake("a", "long")
        for server in found.servers.values():
            live(server, OLD)
            server.path("/var/log/hello").mkdir()
            server.path(f"/var/log/hello/{OLD}.log").write_text("x\n")
        assert sorted(self.read(found)) == ["a     x", "long  x"]

    def test_a_very_long_line_is_cut(self, one: Fake) -> None:
        one.servers["one"].path(f"/var/log/hello/{OLD}.log").write_text("x" * 1_000_000 + "\n")
        (line,) = self.read(one)
        assert line == "x" * 4000 + "…"

    def test_nothing_deployed(self, fake: Callable[..., Fake]) -> None:
        with pytest.raises(SelvedgeError, match="one: no release is live") as caught:
            self.read(fake("one"))
        assert caught.value.status == 1

    def test_a_live_release_without_a_log(self, one: Fake) -> None:
        one.servers["one"].path(f"/var/log/hello/{OLD}.log").unlink()
        with pytest.raises(SelvedgeError, match=rf"the log file /var/log/hello/{OLD}\.log does not exist yet") as caught:
            self.read(one)
        assert caught.value.remedy == "Run `fab -H one restart` first."

    def test_no_site(self, fake: Callable[..., Fake]) -> None:
        with pytest.raises(
            SelvedgeError, match=r"the log file /var/log/hello/nginx-access.log does not exist yet; the log file .*error"
        ):
            self.read(fake("one"), nginx=True)

    def test_logs_changes_nothing(self, one: Fake) -> None:
        before = one.servers["one"].tree("/var/log")
        self.read(one, nginx=True)
        assert one.servers["one"].tree("/var/log") == before
