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
    """A server on which each step has to be made as many times as `needs` says. told: what was read and made, in order."""

    name = "one"
    target = SimpleNamespace(name="hello")

    def __init__(self, **needs: int) -> None:
        self.needs = needs
        self.told: list[str] = []
        self.then: dict[str, dict[str, int]] = {}

    def plan(self, steps: list[Any]) -> list[Planned]:
        self.told.append("read " + " ".join(step.name for step in steps))
        changes: list[Any] = [(None, Change("something", ":"))]
        return [Planned(step, [], Plan(changes if self.needs[step.name] else [])) for step in steps]

    def apply(self, item: Planned, then: list[Any]) -> list[Planned]:
        self.told.append(f"make {item.name}")
        self.needs[item.name] -= 1
        self.needs |= self.then.get(item.name, {})
        return self.plan(then)


def run(session: Session, behind: tuple[str, ...] = ()) -> list[str]:
    """Converge all steps but those behind; the names of the ones behind that are returned, "*" at what was not read."""
    planned = session.plan([SimpleNamespace(name=name) for name in session.needs])
    session.told.clear()
    items = [item for item in planned if item.name not in behind]
    rest = [item for item in planned if item.name in behind]
    found = converge(session, items, lambda _: None, rest)  # type: ignore[arg-type]
    return [item.name + "*" * item.old for item in found]


def test_behind_a_change_what_the_next_one_needs_is_read() -> None:
    session = Session(a=1, b=0, c=1, d=0, e=0)
    run(session)
    assert session.told == ["make a", "read a b c", "make c", "read c d e"]


def test_what_a_change_has_caused_is_made() -> None:
    session = Session(a=1, b=1, c=0)
    session.then = {"b": {"c": 1}}
    run(session)
    assert session.told == ["make a", "read a b", "make b", "read b c", "make c", "read c"]


def test_what_was_read_before_a_change_is_read_again_before_it_is_made() -> None:
    session = Session(a=1, b=1, c=1)
    session.then = {"a": {"b": 0}}
    run(session)
    assert session.told == ["make a", "read a b", "read c", "make c", "read c"]


def test_the_switch_is_read_with_the_end_of_the_build() -> None:
    session = Session(a=1, b=1, c=1, d=0)
    assert run(session, ("c", "d")) == ["c", "d*"]
    assert session.told == ["make a", "read a b", "make b", "read b c"]


def test_a_step_that_never_gets_done_ends_the_run() -> None:
    session = Session(a=9, b=1)
    with pytest.raises(StepError, match="one: a was made, but the server still differs"):
        run(session)
    assert "make b" not in session.told
