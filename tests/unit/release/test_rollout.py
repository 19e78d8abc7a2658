"""The end of a run: the live release, and the previous ones that still answer requests."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.server import Rollout
from selvedge.config.target import Target
from selvedge.engine.plan import Plan
from selvedge.engine.session import Planned
from selvedge.errors import SelvedgeError
from selvedge.release import rollout
from selvedge.release.live import Live
from selvedge.release.record import Record, Releases
from selvedge.report import Report
from selvedge.task import Step
from tests.support.releases import NEW, OLD


def step(name: str, *resources: Live) -> Step:
    def body(_: Target) -> Any:
        yield from resources

    return Step(body, name=name, phase="switch")


def test_the_balancers_come_after_the_servers() -> None:
    def session(name: str, *, balances: bool = False) -> Any:
        return SimpleNamespace(name=name, target=SimpleNamespace(backends={"x": "y"} if balances else {}))

    fleet: Any = SimpleNamespace(rollout=Rollout(batch=2))
    names = [session("lb", balances=True), *(session(f"web-{number}") for number in range(1, 5)), session("lb-2", balances=True)]
    batches = [[each.name for each in batch] for batch in rollout._batches(fleet, names)]
    assert batches == [["web-1"], ["web-2", "web-3"], ["web-4"], ["lb"], ["lb-2"]]
    assert [[each.name for each in batch] for batch in rollout._batches(fleet, names[:2])] == [["web-1"], ["lb"]]
    assert rollout._batches(fleet, []) == []


@pytest.mark.parametrize(("wanted", "now", "getting"), [
    # The scheduler moves from web-1, from web-3, to a new host; it starts, stays, or ends.
    ("web-2", "web-1", {"web-2"}),
    ("web-1", "web-3", {"web-1"}),
    ("web-1", "", set()),
    ("web-1", "web-1", set()),
    ("", "web-1", set()),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["process", "timer"])
def test_a_scheduler_that_moves_ends_before_it_starts(
    target: Callable[..., Target], kind: str, wanted: str, now: str, getting: set[str]
) -> None:
    beat = {"command": "b", "overlap": False, "hosts": [wanted or "other"]}
    worker = {"command": "w", "hosts": ["web-2"]}
    names = ["web-1", "web-2", "web-3"]
    sessions, found = [], {}
    for name in names:
        timer = {"timers": {"beat": {"command": "b", "schedule": "daily"}} if name == wanted else {}}
        app = target(**(timer if kind == "timer" else {"processes": {"beat": beat, "worker": worker}}))
        app = app.model_copy(update={"host": app.host.model_copy(update={"name": name})})
        sessions.append(SimpleNamespace(name=name, target=app))
        # The worker moves, too, and may run on both hosts.
        lines = f"live {OLD}\nprocesses worker {int(name == 'web-3')} 1 1 0\n"
        if kind == "process":
            lines += f"processes beat {int(name == now)} 1 1 0\n"
        found[name] = (Releases.parse(lines), ["beat"] if kind == "timer" and name == now else [])
    assert rollout._getting(sessions, found) == getting  # type: ignore[arg-type]
    fleet: Any = SimpleNamespace(rollout=Rollout(batch=2))
    batches = [[each.name for each in batch] for batch in rollout._batches(fleet, sessions, getting)]  # type: ignore[arg-type]
    rest = [name for name in names if name not in getting]
    assert [name for batch in batches for name in batch] == [*rest, *getting]
    assert batches[0] == rest[:1] and (not getting or batches[-1] == list(getting))


def test_schedulers_that_change_places_have_no_order(target: Callable[..., Target]) -> None:
    sessions, found = [], {}
    for name, timer, now in (("web-1", "a", "b"), ("web-2", "b", "a")):
        app = target(timers={timer: {"command": "b", "schedule": "daily"}})
        sessions.append(SimpleNamespace(name=name, target=app))
        found[name] = (Releases(live=OLD), [now])
    assert rollout._getting(sessions, found) == set()  # type: ignore[arg-type]
    assert rollout._getting(sessions, {}) == set()  # type: ignore[arg-type]


def test_a_run_ends_with_the_releases_that_drain(target: Callable[..., Target], monkeypatch: Any) -> None:
    app = target("b" * 40, drain=30)
    screen = io.StringIO()
    items: list[Planned] = []
    session: Any = SimpleNamespace(name="server", target=app, report=Report(screen), plan=lambda _: items)
    resource = Live(app, NEW)
    items.append(Planned(step("supervisor", resource), [resource], facts=[f"live {NEW}\ndraining {OLD}\n"]))
    fleet: Any = SimpleNamespace(
        sessions=[session], report=session.report, each=lambda work, sessions=None: [work(each) for each in sessions or [session]]
    )
    monkeypatch.setattr(rollout, "converge", lambda *_: [])
    monkeypatch.setattr(rollout, "prove", lambda *_: items)
    rollout.roll_out(fleet, SimpleNamespace(resolve_now=None), {"server": items}, revert=True)  # type: ignore[arg-type]
    live, draining, done = screen.getvalue().splitlines()
    assert live.split() == ["server", "live", NEW, app.url]
    assert draining.split(maxsplit=2) == [
        "server", "draining", f"the previous release {OLD} answers its open requests for up to 30 s"
    ]  # fmt: skip
    assert done.startswith("Done in ")


@pytest.mark.parametrize(("broken", "went_back"), [("lb", []), ("web-2", ["web-1"])])
def test_a_release_goes_back_if_it_fails_and_not_if_the_balancer_does(
    monkeypatch: Any, broken: str, went_back: list[str]
) -> None:
    """`fab -H lb,web deploy`: the backends have the new release when the balancer's certificate fails."""
    back: list[str] = []
    live = dict.fromkeys(("web-1", "web-2", "lb"), OLD)

    def session(name: str) -> Any:
        app = SimpleNamespace(backends={"x": "y"} if name == "lb" else {}, drains=False, balancers=(), strategy="overlap")
        found = SimpleNamespace(name=name, target=app, app=app, report=report)
        found.plan = lambda steps: [Planned(each, [], Plan([(None, None)])) for each in steps]  # type: ignore[list-item]
        return found

    def converge(session: Any, items: list[Planned], *_: object) -> list[Planned]:
        name = items[0].name if items else ""
        if name == "revert":
            back.append(session.name)
        elif name == "switch" and session.name == broken:
            raise SelvedgeError("broken")
        elif name == "switch":
            live[session.name] = NEW
        return []

    report = Report(io.StringIO())
    sessions = [session(name) for name in live]
    each = lambda work, chosen=None: [work(one) for one in chosen or sessions]  # noqa: E731
    fleet: Any = SimpleNamespace(sessions=sessions, report=report, each=each, rollout=Rollout())
    monkeypatch.setattr(rollout, "converge", converge)
    monkeypatch.setattr(rollout, "run_on_failure", lambda *_: None)
    monkeypatch.setattr(rollout, "_getting", lambda *_: set())
    record = lambda id: SimpleNamespace(live=id, live_record=Record(id, "good"))  # noqa: E731
    monkeypatch.setattr(rollout, "_read", lambda _, found: {one.name: (record(live[one.name]), []) for one in found})
    plans = {name: [Planned(step("switch"), [], Plan([(None, None)]))] for name in live}  # type: ignore[list-item]
    with pytest.raises(SelvedgeError):
        rollout.roll_out(fleet, SimpleNamespace(resolve_now=None), plans, revert=True)  # type: ignore[arg-type]
    assert back == went_back


def test_each_batch_waits_until_the_balancers_use_the_previous_ones(monkeypatch: Any) -> None:
    """The balancer's own batch needs no wait: its reload interrupts no backend. Nor does that of a server that is no backend."""
    done: list[str] = []

    def session(name: str) -> Any:
        app = SimpleNamespace(backends={"x": "y"} if name == "lb" else {}, balancers=("10.0.0.1",) if "web" in name else ())
        app.drains, app.strategy = False, "overlap"
        return SimpleNamespace(name=name, target=app, app=app, report=report, plan=lambda _: [])

    report = Report(io.StringIO())
    sessions = [session(name) for name in ("lb", "web-1", "staging", "web-2", "web-3")]
    each = lambda work, chosen=None: [work(one) for one in chosen or sessions]  # noqa: E731
    fleet: Any = SimpleNamespace(sessions=sessions, report=report, each=each, rollout=Rollout())
    monkeypatch.setattr(rollout, "answering", lambda _, batches: [one.name for batch in batches for one in batch])
    names = lambda batch: ",".join(one.name for one in batch)  # noqa: E731
    monkeypatch.setattr(rollout, "wait_until_back", lambda _, batch, seen: done.append(f"{names(batch)} of {len(seen)}"))
    monkeypatch.setattr(rollout, "_switch", lambda _, session, *__: done.append(f"switch {session.name}"))
    for name in ("converge", "prove"):
        monkeypatch.setattr(rollout, name, lambda *_: [])
    monkeypatch.setattr(rollout, "_getting", lambda *_: set())
    monkeypatch.setattr(rollout, "_read", lambda *_: {})
    plans = {one.name: [Planned(step("switch"), [], Plan([(None, None)]))] for one in sessions}  # type: ignore[list-item]
    rollout.roll_out(fleet, SimpleNamespace(resolve_now=None), plans, revert=True)  # type: ignore[arg-type]
    assert done == ["switch web-1", "switch staging", "web-1,staging of 5", "switch web-2", "web-1,staging,web-2 of 5",
                    "switch web-3", "switch lb"]  # fmt: skip


def test_hosts_that_go_back_wait_for_each_other_where_the_app_stops(monkeypatch: Any) -> None:
    slept: list[float] = []
    report = Report(io.StringIO())
    app = SimpleNamespace(backends={}, balancers=("10.0.0.1",), strategy="restart")
    sessions = [SimpleNamespace(name=name, target=app, report=report, plan=lambda _: []) for name in ("web-1", "web-2")]
    monkeypatch.setattr(rollout, "time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr(rollout, "converge", lambda *_: [])
    monkeypatch.setattr(rollout, "_read", lambda _, found: {one.name: (Releases(live=NEW), []) for one in found})
    before = {one.name: SimpleNamespace(live=OLD, live_record=Record(OLD, "good")) for one in sessions}
    fleet: Any = SimpleNamespace(sessions=sessions, report=report)
    rollout._go_back(fleet, SimpleNamespace(resolve_now=None), sessions, before, revert=True)  # type: ignore[arg-type]
    assert slept == [0.0, 6.0]
