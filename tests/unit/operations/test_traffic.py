"""`fab traffic`: which logs count, which server makes the report, and its messages."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.traffic import POLICY, chosen_logs, traffic
from selvedge.run import Run
from tests.support.runs import run_over

PAGE = b"<!DOCTYPE html><html><head><title>x</title></head><body>\xff</body></html>"


class Remote:
    """A server whose script prints these bytes and errors. sent: what it got besides the script."""

    user, is_connected = "root", True

    def __init__(self, output: bytes = PAGE, said: str = "requests 3\n", status: int = 0) -> None:
        self.output, self.said, self.status = output, said, status
        self.sent, self.scripts = b"", [""]

    def open_channel(self, script: str, *, as_root: bool) -> Any:
        assert as_root
        self.scripts.append(script)
        return self

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def shutdown_write(self) -> None:
        pass

    def recv(self, _: int) -> bytes:
        mark = re.search(r"^mark='?(@\w+)", self.scripts[-1], re.MULTILINE)[1]  # type: ignore[index]
        data, self.output = self.output, b""
        rest, self.said = f"\n{mark} said\n{self.said}" if self.said is not None else "", None
        return data + rest.encode()

    def recv_exit_status(self) -> int:
        return self.status

    @property
    def call(self) -> str:
        """The last line of the script's calls."""
        return next(line for line in self.scripts[-1].splitlines() if line.startswith(("traffic_report ", "traffic_packed ")))


def make(run: Run, path: Path, **more: Any) -> None:
    usual = {"days": 7, "html": str(path), "as_json": False, "install": False, "whole_addresses": False}
    traffic(run, **{**usual, **more})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traffic.html"


def test_one_server_makes_its_own_report(target: Callable[..., Target], path: Path) -> None:
    remote, screen = Remote(), io.StringIO()
    make(run_over(target(), {"web": remote}, screen), path)
    assert screen.getvalue() == f"web: 3 requests of the last 7 days in {path}\n"
    assert "--anonymize-ip" in remote.call and "COMBINED" in remote.call and "/var/log/hello/nginx-access.log" in remote.call
    page = path.read_text()
    assert f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>' in page
    assert path.stat().st_mode & 0o777 == 0o600 and "connect-src" not in POLICY and POLICY.startswith("default-src 'none'")


def test_several_servers_make_one_report_on_the_first(target: Callable[..., Target], path: Path) -> None:
    first, second, third = Remote(), Remote(b"packed-2", "requests 4\n"), Remote(b"packed-3", "requests 0\n")
    screen = io.StringIO()
    make(run_over(target(log_format="json"), {"a": first, "b": second, "c": third}, screen), path)
    assert (first.sent, second.sent) == (b"packed-2packed-3", b"")
    assert "%T" in first.call and "timed" in second.call
    assert screen.getvalue() == f"a, b, c: 7 requests of the last 7 days in {path}\n"


def test_whole_addresses_are_a_choice(target: Callable[..., Target], path: Path) -> None:
    remote = Remote()
    make(run_over(target(), {"web": remote}, io.StringIO()), path, whole_addresses=True)
    assert "--anonymize-ip" not in remote.call


def test_json_is_printed_and_no_file_is_written(
    target: Callable[..., Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    screen = io.StringIO()
    make(run_over(target(), {"web": Remote(b'{"general": {"valid_requests": 3}}')}, screen), Path(), html="", as_json=True)
    assert json.loads(screen.getvalue()) == {"general": {"valid_requests": 3}}
    assert not list(tmp_path.iterdir())


def test_the_balancers_log_counts_if_the_run_has_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {
        "app": {"name": "hello", "repository": "https://git.example.com/me/hello.git", "domains": ["a.test"]},
        "hosts": {"lb": {"address": "10.0.0.1"}, "web-1": {"address": "10.0.0.2"}, "web-2": {"address": "10.0.0.3"}},
        "groups": {"web": ["web-1", "web-2"]}, "balancer": {"hosts": ["lb"], "backends": "web"},
    }  # fmt: skip
    settings = Settings.model_validate(data)
    settings._base_dir, settings._passwords = tmp_path, {}
    run = run_over(settings.target("web-1"), {"lb": None, "web-1": None}, io.StringIO())
    run.fleet.sessions[0].target = settings.target("lb")
    (log,) = chosen_logs(run)
    assert log.session.name == "lb" and log.path.endswith("/nginx-access.log") and "hello" in log.path
    run.fleet.sessions = run.fleet.sessions[1:]
    assert [log.session.name for log in chosen_logs(run)] == ["web-1"]
    assert "web-1 gets its requests from a balancer" in capsys.readouterr().err


@pytest.mark.parametrize(("remote", "said", "remedy"), [
    (Remote(b"", "", 3), "web: GoAccess is not installed", "`fab -H web traffic --install`"),
    (Remote(b"", "missing /var/log/hello/nginx-access.log\n", 4), "does not exist yet", "`fab -H web nginx`"),
    (Remote(b"", "requests 0\n", 1), "has no requests of the last 7 days", "`fab traffic --days 14`"),
    (Remote(b"", "requests 5\nGoAccess - FATAL: no memory\n", 1), "could not make the report: GoAccess - FATAL", "logs --nginx"),
    (Remote(b"no page", "requests 5\n"), "GoAccess printed no page", "--json"),
])  # fmt: skip
def test_failures_say_what_to_do(target: Callable[..., Target], path: Path, remote: Remote, said: str, remedy: str) -> None:
    with pytest.raises(SelvedgeError) as caught:
        make(run_over(target(), {"web": remote}, io.StringIO()), path)
    assert said in caught.value.message and remedy in caught.value.remedy
    assert not path.exists()


@pytest.mark.parametrize("wrong", [
    {"days": 0}, {"days": 1000}, {"html": "x.txt"}, {"as_json": True}, {"as_json": True, "html": "", "install": True},
])  # fmt: skip
def test_wrong_usage_is_refused_before_contact(target: Callable[..., Target], path: Path, wrong: dict[str, Any]) -> None:
    remote = Remote()
    with pytest.raises(UsageError):
        make(run_over(target(), {"web": remote}, io.StringIO()), path, **wrong)
    assert remote.scripts == [""]
