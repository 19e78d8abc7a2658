"""Backends are upgraded one after the other, and take no requests meanwhile ([rollout] drain)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.engine.plan import Plan
from selvedge.engine.session import Planned
from selvedge.errors import SelvedgeError
from selvedge.release import drained
from selvedge.task import Step
from tests.support.declared import BACKEND
from tests.support.releases import OLD


class Server:
    """A backend that notes the steps that change it. facts: the live release, and whether it is drained."""

    def __init__(self, name: str, done: list[str], facts: tuple[str, str] = (f"live {OLD}\n", ""), *, drains: bool = True) -> None:
        self.name, self.done, self.facts = name, done, list(facts)
        self.target = SimpleNamespace(drains=drains)
        self.app: Any = None
        self.report = SimpleNamespace(step=lambda _, __, text: done.append(text))

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
    monkeypatch.setattr(drained, "answering", lambda _, batches: [each.name for batch in batches for each in batch])
    monkeypatch.setattr(drained, "wait_until_back", lambda _, batch, seen: found.append(f"ask for {batch[0].name} of {len(seen)}"))
    monkeypatch.setattr(drained, "none_left", lambda _, names: "web-2 does not answer" if names == ["last"] else "")
    return found


def upgrade(*servers: Server, changes: bool = True) -> dict[str, list[str]]:
    """Return the names of the steps that are left for each server."""
    fleet: Any = SimpleNamespace(sessions=servers, report=SimpleNamespace(line=lambda *_: None))
    plans = {
        each.name: [planned(UPDATE, changes=changes), planned(HARDEN), planned(drained.UNDRAIN, changes=False)] for each in servers
    }
    rest, last = drained.upgrade_in_turn(fleet, SimpleNamespace(resolve_now=None), plans)  # type: ignore[arg-type]
    assert [each.name for each in last] == [each.name for each in servers if each.target.drains and changes][-1:]
    return {name: [item.name for item in items] for name, items in rest.items()}


def test_one_backend_after_the_other(done: list[str]) -> None:
    left = upgrade(Server("one", done), Server("two", done))
    one, two = ([f"{name} drain", f"{name} update undrain", f"ask for {name} of 2"] for name in ("one", "two"))
    assert done == [*one, "wait 6", *two]
    assert left == {"one": ["harden"], "two": ["harden"]}


def test_without_the_setting_all_are_upgraded_at_once(done: list[str]) -> None:
    assert upgrade(Server("one", done, drains=False)) == {"one": ["update", "harden", "undrain"]} and done == []


def test_a_backend_without_an_upgrade_is_not_drained(done: list[str]) -> None:
    assert upgrade(Server("one", done), changes=False) == {"one": ["update", "harden", "undrain"]} and done == []


@pytest.mark.parametrize("facts", [("", ""), (f"live {OLD}\n", "state drained\n"), (f"live {OLD}\n", "state drained run\n")],
                         ids=["not deployed", "drained by a user", "drained by an aborted run"])  # fmt: skip
def test_a_backend_that_takes_no_requests_stays_as_it_is(done: list[str], facts: tuple[str, str]) -> None:
    upgrade(Server("one", done, facts))
    assert done == ["one update undrain", "ask for one of 1"]


def test_the_last_backend_that_answers_is_upgraded_without_a_drain(done: list[str]) -> None:
    upgrade(Server("last", done))
    assert done == ["not drained, because no backend would be left: web-2 does not answer", "last update undrain",
                    "ask for last of 1"]  # fmt: skip


@pytest.mark.parametrize(("failing", "state"), [("update", "stays drained"), ("drain", "may stay drained")])
def test_a_failed_upgrade_says_how_its_drain_ends(
    done: list[str], monkeypatch: pytest.MonkeyPatch, failing: str, state: str
) -> None:
    """Also if the connection is lost while the open requests end: the server may have been drained then."""

    def fail(_: object, items: list[Planned], __: object) -> None:
        if items[0].name == failing:
            raise SelvedgeError("broken")

    monkeypatch.setattr(drained, "converge", fail)
    with pytest.raises(SelvedgeError):
        upgrade(Server("one", done), Server("two", done))
    assert done == [f"one {state}. The same command ends that once it succeeds, and so does `fab -H one undrain`."]


def test_a_drain_of_an_aborted_run_ends_with_the_next_one_in_the_same_reading(target: Callable[..., Target]) -> None:
    app = target(**BACKEND, rollout={"drain": True})
    *steps, last = drained.with_undrain(app, [UPDATE, HARDEN])
    assert steps == [UPDATE, HARDEN] and last.drains
    [end] = last.resources(app)
    for state, ends in {"drained run": True, "half run": True, "drained": False, "half": False, "": False}.items():
        assert bool(end.plan(f"state {state}\n")) is ends, state
    assert drained.with_undrain(target(**BACKEND), [UPDATE]) == [UPDATE], "rollout.drain is off"
    assert drained.with_undrain(app, [HARDEN]) == [HARDEN]
