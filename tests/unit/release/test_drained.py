"""Backends are upgraded one after the other, and take no requests meanwhile ([rollout] drain)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.engine.plan import Plan
from selvedge.engine.session import Planned
from selvedge.release import drained
from selvedge.task import Step
from tests.support.releases import OLD


class Server:
    """A backend that notes the steps that change it. facts: the live release, and whether it is drained."""

    def __init__(self, name: str, done: list[str], facts: tuple[str, str] = (f"live {OLD}\n", ""), *, drains: bool = True) -> None:
        self.name, self.done, self.facts = name, done, list(facts)
        self.target = SimpleNamespace(drains=drains)
        self.app: Any = None

    def read(self, _: object) -> list[str]:
        return self.facts

    def plan(self, steps: list[Step]) -> list[Planned]:
        return [planned(step) for step in steps]


def planned(step: Step, *, changes: bool = True) -> Planned:
    return Planned(step, [], Plan([(None, None)] if changes else []))  # type: ignore[list-item]


UPDATE = Step(lambda _: iter(()), name="update", drains=True)
HARDEN = Step(lambda _: iter(()), name="harden")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the servers did, and the pauses, in their order."""
    found: list[str] = []
    monkeypatch.setattr(
        drained, "converge", lambda session, items, _: found.append(f"{session.name} {' '.join(each.name for each in items)}")
    )
    monkeypatch.setattr(drained, "time", SimpleNamespace(sleep=lambda seconds: found.append(f"wait {seconds:g}")))
    monkeypatch.setattr(drained, "Live", lambda *_: None)
    monkeypatch.setattr(drained, "Drained", SimpleNamespace(of=lambda *_, **__: None))
    return found


def upgrade(*servers: Server, changes: bool = True) -> dict[str, list[str]]:
    """Return the names of the steps that are left for each server."""
    fleet: Any = SimpleNamespace(sessions=servers, report=SimpleNamespace(line=lambda *_: None))
    plans = {each.name: [planned(UPDATE, changes=changes), planned(HARDEN)] for each in servers}
    rest = drained.upgrade_in_turn(fleet, SimpleNamespace(resolve_now=None), plans)  # type: ignore[arg-type]
    return {name: [item.name for item in items] for name, items in rest.items()}


def test_the_next_servers_wait_where_the_app_stops_for_a_switch() -> None:
    def session(strategy: str, *balancers: str) -> Any:
        return SimpleNamespace(target=SimpleNamespace(strategy=strategy, balancers=balancers))

    assert drained.pause_after([session("overlap", "10.0.0.1"), session("restart", "10.0.0.1")]) == drained.BACK
    assert drained.pause_after([session("overlap", "10.0.0.1")]) == drained.pause_after([session("restart")]) == 0
    assert drained.pause_after([]) == 0


def test_one_backend_after_the_other(done: list[str]) -> None:
    left = upgrade(Server("one", done), Server("two", done))
    assert done == ["one drain", "one update", "one undrain", "wait 6", "two drain", "two update", "two undrain"]
    assert left == {"one": ["harden"], "two": ["harden"]}


def test_without_the_setting_all_are_upgraded_at_once(done: list[str]) -> None:
    assert upgrade(Server("one", done, drains=False)) == {"one": ["update", "harden"]} and done == []


def test_a_backend_without_an_upgrade_is_not_drained(done: list[str]) -> None:
    assert upgrade(Server("one", done), changes=False) == {"one": ["update", "harden"]} and done == []


@pytest.mark.parametrize("facts", [("", ""), (f"live {OLD}\n", "drained\n")], ids=["not deployed", "drained by someone"])
def test_a_backend_that_takes_no_requests_stays_as_it_is(done: list[str], facts: tuple[str, str]) -> None:
    upgrade(Server("one", done, facts))
    assert done == ["one update"]
