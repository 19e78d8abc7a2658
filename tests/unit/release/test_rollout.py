"""The end of a run: the live release, and the previous ones that still answer requests."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from selvedge.config.server import Rollout
from selvedge.config.target import Target
from selvedge.engine.session import Planned
from selvedge.release import rollout
from selvedge.release.live import Live
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
