"""The servers of a run at once: how many, and what happens if one cannot be reached."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.hosts import Host as HostTable
from selvedge.config.server import Rollout
from selvedge.engine.fleet import Fleet
from selvedge.errors import UnreachableError
from selvedge.report import Report


class Host:
    """A server that can be reached, or cannot."""

    def __init__(self, name: str, *, reachable: bool = True) -> None:
        self.name, self.reachable, self.logins = name, reachable, 0
        self.remote = SimpleNamespace(connect=self._connect)

    def _connect(self) -> None:
        self.logins += 1

    def read(self, _: object) -> list[str]:
        if not self.reachable:
            raise UnreachableError(f"{self.name}: does not answer.", "Switch it on.")
        return [""]


def fleet(*hosts: Any, connections: int = 32) -> Fleet:
    return Fleet(list(hosts), Report(io.StringIO()), Rollout(connections=connections))


def test_no_more_servers_than_the_setting_allows_are_asked_at_once() -> None:
    lock, now, most = threading.Lock(), 0, 0
    met = threading.Barrier(3)

    def work(_: object) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        met.wait(10)  # three work at the same time
        with lock:
            now -= 1

    hosts = [Host(f"web-{number}") for number in range(9)]
    found = fleet(*hosts, connections=3)
    found.each(work)
    assert most == 3
    found.connect()
    assert [host.logins for host in hosts] == [1, 1, 1, 0, 0, 0, 0, 0, 0]


def test_work_without_an_end_is_begun_on_all_servers() -> None:
    """`fab logs --follow` shows nothing before all servers have sent what they had."""
    met = threading.Barrier(5)
    found = fleet(*(Host(f"web-{number}") for number in range(5)), connections=2)
    assert len(found.each(lambda _: met.wait(10), endless=True)) == 5


def test_servers_that_cannot_be_reached_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    found = fleet(Host("one"), Host("two", reachable=False), Host("three"))
    found.leave_out_unreachable()
    assert [host.name for host in found.sessions] == ["one", "three"]
    assert "two: does not answer. two is left out (--skip-unreachable)." in capsys.readouterr().err


def test_a_run_without_any_server_fails() -> None:
    with pytest.raises(UnreachableError, match=r"^one: does not answer\."):
        fleet(Host("one", reachable=False), Host("two", reachable=False)).leave_out_unreachable()


def test_a_balancer_outside_of_the_run_is_reached_once() -> None:
    made: list[str] = []

    def reach(name: str) -> Any:
        made.append(name)
        target = SimpleNamespace(host=HostTable(name=name, address="10.0.0.1"))
        return SimpleNamespace(name=name, target=target, remote=SimpleNamespace(close=lambda: made.append(f"{name} closed")))

    lb = Host("lb")
    found = Fleet([lb], Report(io.StringIO()), Rollout(), balancers=["lb", "lb-2"], reach=reach)  # type: ignore[list-item]
    lb.remote.close = lambda: made.append("lb closed")
    sessions = [found.session_of(name) for name in [*found.balancers, *found.balancers]]
    assert [each and each.name for each in sessions] == ["lb", "lb-2", "lb", "lb-2"]
    found.close()
    assert made == ["lb-2", "lb closed", "lb-2 closed"]
