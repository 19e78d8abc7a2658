"""The plan that a run shows before it makes the changes."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selvedge.config.target import Release, Target
from selvedge.engine.plan import Plan
from selvedge.engine.session import Planned
from selvedge.release import chain
from selvedge.release.chain import show_plan
from selvedge.release.commits import Commits
from selvedge.report import Report
from selvedge.resources.base import Change
from selvedge.resources.code.hook import BuildHook
from selvedge.resources.files import File, diff
from selvedge.task import Step

TEXT = "".join(f"line {number}\n" for number in range(34))


def shown(*changes: Change | None, whole: bool = False, pending: str = "") -> list[str]:
    stream = io.StringIO()
    session: Any = SimpleNamespace(name="web")
    plan = Plan([(File("/etc/x", ""), change) for change in changes if change])
    items = [Planned(SimpleNamespace(name="nginx", needs_commit=False), [], plan, pending)]  # type: ignore[arg-type]
    show_plan(Report(stream), session, items, whole=whole)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("text", "size"), [(TEXT, "34 lines"), ("one\n", "1 line"), ("no line end", "1 line"), (TEXT * 5, "170 lines")]
)
def test_a_new_file_is_one_line(text: str, size: str) -> None:
    assert shown(File("/etc/x", text).plan("absent")) == ["web  nginx       1 change", f"    • create /etc/x  ({size})"]


def test_the_text_of_a_new_file_is_shown_when_asked_for() -> None:
    rows = shown(File("/etc/x", TEXT).plan("absent"), whole=True)
    assert rows[1] == "    • create /etc/x"
    assert rows[5:] == [f"    +line {number}" for number in range(34)]


def test_the_text_of_a_new_file_beside_other_settings_is_counted() -> None:
    assert shown(Change("start the jails", ":", diff=diff("/etc/x", "", TEXT)))[1:] == ["    • start the jails  (34 lines)"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_changed_file_always_shows_its_diff(whole: bool) -> None:
    rows = shown(Change("write /etc/x", ":", diff=diff("/etc/x", TEXT, f"{TEXT}more\n")), whole=whole)
    assert rows[1] == "    • write /etc/x" and rows[-1] == "    +more"


def test_a_change_without_a_text_is_one_line() -> None:
    secret = File("/etc/x", TEXT, secret=True).plan("absent")
    assert shown(secret, Change("set a value", ":", diff="+a 1"), whole=False)[1:] == [
        "    • create /etc/x", "    • set a value", "    +a 1"
    ]  # fmt: skip
    assert "line" not in "".join(shown(secret, whole=True))


@pytest.mark.parametrize(("fact", "noted"), [("built\n", True), ("done\n", False), ("previous \n", False)])
def test_a_changed_hook_of_the_build_is_noted_if_the_release_was_live(fact: str, noted: bool) -> None:
    stream = io.StringIO()
    hook = BuildHook("before_build", ("make",), "/m", "hello", "a-1", "/r", "/r", "/l", ())
    items: list[Any] = [Planned(SimpleNamespace(name="venv"), [File("/x", ""), hook], facts=["absent", fact])]  # type: ignore[arg-type]
    fleet: Any = SimpleNamespace(report=Report(stream), sessions=[])
    chain.print_notes(fleet, {"web": items}, {})
    text = "Note: web: the hook before_build is new or has changed. It will run when the next commit is built.\n"
    assert stream.getvalue() == (text if noted else "")


@pytest.mark.parametrize(("options", "whole"), [({}, False), ({"diff": True}, True), ({"dry_run": True}, True)])
def test_the_flags_that_show_the_text_of_new_files(options: dict[str, bool], whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, made = io.StringIO(), []
    change = File("/etc/x", TEXT).plan("absent")
    assert change
    items: list[Any] = [Planned(SimpleNamespace(name="nginx", needs_commit=False), [], Plan([(File("/etc/x", ""), change)]))]  # type: ignore[arg-type]
    app = SimpleNamespace(carry=[], carry_commands=(), passwords={}, drains=False, database=None)
    session = SimpleNamespace(name="web", app=app, target=app, release=Release())
    fleet: Any = SimpleNamespace(
        sessions=[session], report=Report(stream), lock=lambda *_: False, leave_out_unreachable=lambda **_: None
    )
    monkeypatch.setattr(chain, "plan_steps", lambda *_: {"web": items})
    monkeypatch.setattr(chain, "roll_out", lambda *_, **__: made.append("made"))
    chain.run_chain(fleet, Commits(), [], options)
    assert ("+line 33" in stream.getvalue()) is whole
    assert bool(made) is not bool(options.get("dry_run"))


def test_a_step_says_what_it_waits_for() -> None:
    assert shown(pending="waits for git") == ["web  nginx       waits for git"]
    assert shown() == ["web  nginx       nothing to change"]


@pytest.mark.parametrize(("ref", "noted"), [("", True), ("main", False)])
def test_a_run_names_changes_that_are_not_committed(
    target: Callable[..., Target], tmp_path: Path, ref: str, noted: bool
) -> None:
    """They are not released, unless the user asked for a certain commit anyway."""
    for words in (["init", "-q"], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "main.py").write_text("new\n")
    app = target(repository=str(tmp_path)).model_copy(update={"base_dir": tmp_path})
    stream, session = io.StringIO(), SimpleNamespace(name="web", target=app, app=app)
    options, clone = {"branch": ref}, Step(lambda _: iter(()), name="clone", needs_commit=True)

    def note() -> str:
        counts = chain.count_uncommitted([session], {"web": [clone]}, options)  # type: ignore[list-item]
        fleet: Any = SimpleNamespace(report=Report(stream), sessions=[])
        chain.print_notes(fleet, {}, counts)
        return stream.getvalue()

    assert note() == "", "git does not know the new file"
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    (tmp_path / "hosts.toml").write_text("")
    (tmp_path / "deploy/tasks").mkdir(parents=True)
    (tmp_path / "deploy/tasks/nginx.py").write_text("")
    subprocess.run(["git", "add", "hosts.toml", "deploy"], cwd=tmp_path, check=True)
    assert note() == (f"Note: 1 changed file in {tmp_path} will not be released: commit first.\n" if noted else "")
