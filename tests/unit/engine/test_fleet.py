"""The order of a run's steps, and what is read again after each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.engine.converge import converge
from selvedge.engine.plan import Plan
from selvedge.engine.session import Planned
from selvedge.errors import StepError
from selvedge.resources.base import Change


class Session:
    """A server that needs each step as many times as `needs` says. told has the readings and changes in order."""

    name = "one"
    target = SimpleNamespace(name="hello")

    def __init__(self, **needs: int) -> None:
        self.needs = needs
        self.told: list[str] = []
        self.then: dict[str, dict[str, int]] = {}
        self.finished: list[tuple[str, str]] = []
        self.report = SimpleNamespace(finish=lambda *step: self.finished.append(step))

    def plan(self, steps: list[Any]) -> list[Planned]:
        self.told.append("read " + " ".join(step.name for step in steps))
        changes: list[Any] = [(None, Change("something", ":"))]
        return [Planned(step, [], Plan(changes if self.needs[step.name] else [])) for step in steps]

    def apply(self, item: Planned, then: list[Any]) -> list[Planned]:
        self.told.append(f"make {item.name}")
        self.needs[item.name] -= 1
        self.needs |= self.then.get(item.name, {})
        return self.plan(then)


def run(session: Session, following: tuple[str, ...] = ()) -> list[str]:
    """Converge all steps except the following ones. Return the names of those, with "*" if their reading is old."""
    planned = session.plan([SimpleNamespace(name=name) for name in session.needs])
    session.told.clear()
    items = [item for item in planned if item.name not in following]
    rest = [item for item in planned if item.name in following]
    found = converge(session, items, lambda _: None, rest)  # type: ignore[arg-type]
    return [item.name + "*" * item.old for item in found]


def test_after_a_change_the_steps_up_to_the_next_change_are_read() -> None:
    session = Session(a=1, b=0, c=1, d=0, e=0)
    run(session)
    assert session.told == ["make a", "read a b c", "make c", "read c d e"]
    assert session.finished == [("one", step) for step in "abcde"]


def test_a_change_that_another_change_causes_is_made() -> None:
    session = Session(a=1, b=1, c=0)
    session.then = {"b": {"c": 1}}
    run(session)
    assert session.told == ["make a", "read a b", "make b", "read b c", "make c", "read c"]


def test_an_old_reading_is_repeated_before_the_change() -> None:
    session = Session(a=1, b=1, c=1)
    session.then = {"a": {"b": 0}}
    run(session)
    assert session.told == ["make a", "read a b", "read c", "make c", "read c"]


def test_the_last_reading_of_the_build_includes_the_switch() -> None:
    session = Session(a=1, b=1, c=1, d=0)
    assert run(session, ("c", "d")) == ["c", "d*"]
    assert session.told == ["make a", "read a b", "make b", "read b c"]


def test_a_step_that_never_converges_ends_the_run() -> None:
    session = Session(a=9, b=1)
    with pytest.raises(StepError, match="one: the changes of a were made, but the server still differs"):
        run(session)
    assert "make b" not in session.told
