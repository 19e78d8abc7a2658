"""How the balancers see the backends of a run, and the waits for it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UnreachableError, UsageError
from selvedge.release import backends
from selvedge.report import Report
from tests.support.steps import BALANCER


def test_the_next_servers_wait_where_the_app_stops_for_a_switch() -> None:
    def session(strategy: str, *balancers: str) -> Any:
        return SimpleNamespace(target=SimpleNamespace(strategy=strategy, balancers=balancers))

    assert backends.pause_after([session("overlap", "10.0.0.1"), session("restart", "10.0.0.1")]) == backends.BACK
    assert backends.pause_after([session("overlap", "10.0.0.1")]) == backends.pause_after([session("restart")]) == 0
    assert backends.pause_after([]) == 0


def balancer(app: Target, name: str, *lines: str, lost: bool = False) -> Any:
    """A balancer whose reading prints these lines, or that cannot be reached."""

    def read(queries: list[Any]) -> list[str]:
        if lost:
            raise UnreachableError(f"{name} is lost")
        asked.append(queries[0].probe())
        return ["\n".join(lines)]

    asked: list[str] = []
    return SimpleNamespace(name=name, target=app, read=read, asked=asked)


@pytest.mark.parametrize(("lines", "reason"), [
    (("backend web-1 200", "backend web-2 200"), ""),
    (("backend web-1 200", "backend web-2 0"), "web-2 does not answer the balancer lb"),
    (("backend web-1 200", "backend web-2 500"), "web-2 does not answer the balancer lb"),
    (("backend web-1 0", "backend web-2 0"), ""),
    (("backend web-1 200", "backend web-2 200", "alone shop"), "shop on the same port would have no other one at the balancer lb"),
])  # fmt: skip
def test_the_balancer_knows_whether_another_backend_answers(
    target: Callable[..., Target], lines: tuple[str, ...], reason: str
) -> None:
    lb = balancer(target(**BALANCER), "lb", *lines)
    assert backends.none_left(fleet_of(io.StringIO(), lb), ["web-1"]) == reason
    assert "backend_seen /etc/nginx/sites-enabled/hello.balancer web-1 10.0.0.2:80 web-2 '[fd00::3]:80'" in lb.asked[0]
    assert "backend_alone /etc/nginx/sites-enabled/hello.balancer 10.0.0.2:80" in lb.asked[0].splitlines()


def test_one_balancer_that_can_be_asked_is_enough(target: Callable[..., Target]) -> None:
    app = target(**BALANCER)
    lost, lb = balancer(app, "lb", lost=True), balancer(app, "lb-2", "backend web-1 200", "backend web-2 0")
    for other in (lost, UsageError("hosts.lb.key is missing")):
        assert backends.none_left(fleet_of(io.StringIO(), other, lb), ["web-1"]) == "web-2 does not answer the balancer lb-2"
    with pytest.raises(UnreachableError):
        backends.none_left(fleet_of(io.StringIO(), lost), ["web-1"])


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(backends, "time", found)
    return found


def web(*names: str, backend: bool = True) -> list[Any]:
    return [SimpleNamespace(name=name, target=SimpleNamespace(balancers=("10.0.0.1",) if backend else ())) for name in names]


def fleet_of(screen: io.StringIO, *balancers: Any) -> Any:
    """A fleet with these balancers; an error is of one without a session."""
    known = {getattr(each, "name", "lb"): each for each in balancers}

    def session_of(name: str) -> Any:
        if isinstance(known[name], Exception):
            raise known[name]
        return known[name]

    return SimpleNamespace(balancers=list(known), session_of=session_of, report=Report(screen))


def answers(app: Target, name: str, *readings: str | Exception) -> Any:
    """A balancer whose readings print these lines, the last one again and again."""
    asked: list[str] = []

    def read(queries: Sequence[Any]) -> list[str]:
        found = readings[min(len(asked), len(readings) - 1)]
        asked.append(queries[0].probe())
        if isinstance(found, Exception):
            raise found
        return [found]

    return SimpleNamespace(name=name, target=app, read=read, asked=asked)


UP, DOWN = "backend web-1 200\nbackend web-2 200\n", "backend web-1 502\n"


def test_a_run_with_one_batch_or_without_backends_asks_no_balancer() -> None:
    fleet: Any = SimpleNamespace(balancers=None)
    lb = web("lb", backend=False)
    for batches in ([], [web("web-1")], [web("web-1", "web-2"), lb], [lb, lb]):
        assert backends.answering(fleet, batches) == {}
    backends.wait_until_back(fleet, web("web-1"), {})


def test_the_next_batch_waits_until_the_balancer_is_answered_again(target: Callable[..., Target], clock: Clock) -> None:
    screen = io.StringIO()
    lb = answers(target(**BALANCER), "lb", UP, DOWN, "backend web-1 0\n", "backend web-1 200\n")
    fleet = fleet_of(screen, lb)
    seen = backends.answering(fleet, [web("web-1"), web("web-2")])
    assert seen == {"lb": ["web-1", "web-2"]} and "backend_seen " in lb.asked[0] and "web-2" in lb.asked[0]
    backends.wait_until_back(fleet, web("web-1"), seen)
    assert clock.now == 2 and len(lb.asked) == 4 and "web-2" not in lb.asked[1]
    assert screen.getvalue() == "Waiting until web-1 answers the balancer lb again.\n"


def test_a_backend_that_does_not_come_back_stops_the_run(target: Callable[..., Target], clock: Clock) -> None:
    lb = answers(target(**BALANCER), "lb", UP, DOWN)
    fleet = fleet_of(io.StringIO(), lb)
    seen = backends.answering(fleet, [web("web-1"), web("web-2")])
    with pytest.raises(SelvedgeError) as stopped:
        backends.wait_until_back(fleet, web("web-1"), seen)
    assert backends.LONGEST < clock.now < backends.LONGEST + 3
    assert str(stopped.value.message) == (
        "web-1 does not answer the balancer lb again after 60 s (web-1 answers 502), so the run stops before the next servers."
    )
    assert stopped.value.remedy == "`fab -H lb,web-1 status` shows why. Then run the same command again."


def test_backends_that_hang_do_not_prolong_the_wait(target: Callable[..., Target], clock: Clock) -> None:
    """The run says that it waits before the long questions."""
    screen, said, asked = io.StringIO(), [], []

    def read(queries: Sequence[Any]) -> list[str]:
        said.append(screen.getvalue())
        found = re.search(r"health_timeout=(\S+)", queries[0].probe())
        asked.append(float(found[1]) if found else 0)
        clock.sleep(asked[-1])
        return ["backend web-1 0\nbackend web-2 0\n"]

    lb = SimpleNamespace(name="lb", target=target(health_timeout=300, **BALANCER), read=read)
    with pytest.raises(SelvedgeError):
        backends.wait_until_back(fleet_of(screen, lb), web("web-1", "web-2"), {"lb": ["web-1", "web-2"]})
    assert asked[:2] == [5, 54] and backends.LONGEST <= clock.now <= backends.LONGEST + 10
    assert said[:2] == ["", "Waiting until web-1 and web-2 answer the balancer lb again.\n"]


def test_a_backend_that_was_drained_or_new_is_not_waited_for(target: Callable[..., Target], clock: Clock) -> None:
    lb = answers(target(**BALANCER), "lb", "backend web-1 0\nbackend web-2 200\n", DOWN)
    fleet = fleet_of(io.StringIO(), lb)
    backends.wait_until_back(fleet, web("web-1"), backends.answering(fleet, [web("web-1"), web("web-2")]))
    assert len(lb.asked) == 1 and clock.now == 0


def test_a_balancer_that_cannot_be_asked_is_a_warning(
    target: Callable[..., Target], clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release was healthy on the server itself."""
    lost, refused = UnreachableError("lb is lost."), SelvedgeError("lb is lost.")
    for readings in ([lost], [refused], [UP, lost], [UP, refused]):
        fleet = fleet_of(io.StringIO(), answers(target(**BALANCER), "lb", *readings))
        backends.wait_until_back(fleet, web("web-1"), backends.answering(fleet, [web("web-1"), web("web-2")]))
        said = "Warning: lb is lost. So this run cannot ask the balancer lb whether its backends answer before the next servers.\n"
        assert capsys.readouterr().err == said and clock.now == 0


def test_a_balancer_without_its_key_here_is_a_warning(target: Callable[..., Target], capsys: pytest.CaptureFixture[str]) -> None:
    """`fab -H web deploy` on a machine that has no key for the balancer: the other balancer is asked all the same."""
    other = answers(target(**BALANCER), "lb-2", UP)
    fleet = fleet_of(io.StringIO(), UsageError("hosts.lb.key: no such file."), other)
    seen = backends.answering(fleet, [web("web-1"), web("web-2")])
    assert seen == {"lb-2": ["web-1", "web-2"]}
    backends.wait_until_back(fleet, web("web-1"), seen)
    assert len(other.asked) == 2
    assert capsys.readouterr().err.startswith("Warning: hosts.lb.key: no such file. So this run cannot ask the balancer lb whether")
