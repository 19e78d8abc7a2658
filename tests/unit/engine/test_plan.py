"""Plans: the order of changes, reloads, sections."""

from __future__ import annotations

from pathlib import Path

from selvedge.engine.plan import Plan
from selvedge.resources.base import Change, Guard, Loader, Resource
from selvedge.ssh.payload import open_payload
from tests.support.plans import Says, changes, summaries


class Reloads(Loader):
    loads: tuple[Resource, ...]
    own: Change | None = None

    def loaded(self) -> tuple[Resource, ...]:
        return self.loads

    def probe(self) -> str:
        return ""

    def plan(self, fact: str) -> Change | None:
        assert not fact
        return self.own

    def reload(self) -> Change:
        return Change("reload", "echo reload")

    def before_loads(self) -> str:
        return "echo before"


def test_changes_keep_the_order_of_the_resources() -> None:
    resources = [Says("", Change(name, "")) if name else Says() for name in ("a", "", "b", "c")]
    assert summaries(Plan.of(resources, [""] * 4)) == ["a", "b", "c"]
    assert not Plan.of([Says(), Says()], ["", ""])


def test_a_loader_reloads_once_after_its_loads_change() -> None:
    changed, same, other = Says("", Change("change", "")), Says(), Says("", Change("other", ""))
    planned = Plan.of([changed, same, Reloads((changed, same))], [""] * 3)
    assert (summaries(planned), planned.before) == (["change", "reload"], ["echo before"])
    planned = Plan.of([other, same, Reloads((same,))], [""] * 3)
    assert (summaries(planned), planned.before) == (["other"], [])
    planned = Plan.of([changed, Reloads((changed,), Change("start", ""))], [""] * 2)
    assert (summaries(planned), planned.before) == (["change", "start"], ["echo before"])


def test_equal_resources_are_different_loads() -> None:
    """A load that changed is the object itself, not an equal one."""
    first, second = Says("", Change("x", "")), Says("", Change("x", ""))
    assert first == second
    assert summaries(Plan.of([first, Reloads((second,))], [""] * 2)) == ["x"]


def test_a_section_ends_before_work_on_this_machine() -> None:
    work = Change("2", "", local_work=lambda *_: None)
    planned = changes(Change("1", ""), work, Change("3", ""), Change("4", "", local_commands=("x",)))
    assert [summaries(part) for part in planned.sections()] == [["1"], ["2", "3"], ["4"]]


def test_a_section_ends_where_the_guard_changes() -> None:
    guard, other = Guard("a", "b", "c"), Guard("d", "e", "f")
    guards = [None, guard, guard, other, None]
    planned = changes(*[Change(str(number), "", guard=each) for number, each in enumerate(guards, 1)])
    planned.before = ["echo before"]
    parts = planned.sections()
    assert [summaries(part) for part in parts] == [["1"], ["2", "3"], ["4"], ["5"]]
    assert [part.guard for part in parts] == [None, guard, other, None]
    assert [part.before for part in parts] == [["echo before"], [], [], []]
    assert Plan().sections() == []


def test_a_section_ends_before_local_commands() -> None:
    planned = changes("1", Change("2", "", local_commands=("x",)), "3", Change("4", "", local_commands=("y",)))
    assert [summaries(part) for part in planned.sections()] == [["1"], ["2", "3"], ["4"]]


def test_payloads_are_bytes_or_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0pack")
    planned = changes(Change("1", "", payload=b"one"), Change("2", ""), Change("3", "", payload=tmp_path / "x"))
    assert [open_payload(payload).read() for payload in planned.payload()] == [b"one", b"\0pack"]
