"""When the commands run that make the content of app.carry."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.server import Rollout
from selvedge.config.target import Release, Target
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Session
from selvedge.errors import StepError
from selvedge.release import carried, chain
from selvedge.release.commits import Commits
from selvedge.report import Report
from selvedge.resources.base import Resource
from selvedge.resources.code.checkout import Checkout
from selvedge.task import Step

COMMIT = "a" * 40


class Server(Session):
    """A server that has these releases, and gets those that a run makes."""

    has: set[str]

    def read(self, queries: Any) -> list[str]:
        return ["directory 751 root hello" if getattr(query, "path", "") in self.has else "absent" for query in queries]


def clone(app: Target) -> Iterator[Resource]:
    yield Checkout(app.paths.release(app.commit), "/srv/hello/repo.git", app.commit, app.name, "", "", "", "")


@pytest.fixture
def run(target: Callable[..., Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Deploy to these servers; return the folders of the releases that are made. The commands write to tmp_path."""
    monkeypatch.chdir(tmp_path)

    def deploy(*servers: set[str], hook: str, options: dict[str, Any] | None = None) -> list[str]:
        report, made = Report(io.StringIO()), []
        app = target(carry=["dist"], hooks={"before_build": [hook]} if hook else {})
        sessions = []
        for number, has in enumerate(servers):
            named = app.model_copy(update={"host": app.host.model_copy(update={"name": f"web{number}"})})
            session = Server(named, None, report)  # type: ignore[arg-type]
            session.has, session.release = has, Release(commit=COMMIT)
            sessions.append(session)

        def roll_out(_fleet: Fleet, _: Commits, plans: Any, **__: Any) -> None:
            for name, items in plans.items():
                for resource, _change in (pair for item in items for pair in item.plan.changes):
                    made.append(f"{name} {resource.path}")
            for session in sessions:
                session.has.update(line.split()[1] for line in made if line.startswith(session.name))

        monkeypatch.setattr(chain, "roll_out", roll_out)
        monkeypatch.setattr(Fleet, "lock", lambda *_: False)
        commits = Commits({(app.repository, "main"): COMMIT})
        step = Step(clone, name="clone", needs_commit=True)
        chain.run_chain(Fleet(sessions, report, Rollout()), commits, [step], options or {})
        return made

    return deploy


BUILD = "local: mkdir -p dist && printf '%s %s' $COMMIT ${HOST#web} >dist/index.html && echo built >>log"


def builds(folder: Path) -> int:
    log = folder / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_new_release_is_built_and_an_existing_one_is_not(run: Callable[..., Any], tmp_path: Path) -> None:
    server: set[str] = set()
    (made,) = run(server, hook=BUILD)
    assert made.startswith("web0 /srv/hello/releases/aaaaaaaaaaaa-") and builds(tmp_path) == 1
    assert run(server, hook=BUILD) == [] and builds(tmp_path) == 1


def test_a_stale_folder_is_built_and_then_nothing_is_to_do(run: Callable[..., Any], tmp_path: Path) -> None:
    """Another user's checkout may have the folder of an older commit."""
    server: set[str] = set()
    run(server, hook=BUILD)
    (tmp_path / "dist/index.html").write_text("of another commit")
    assert run(server, hook=BUILD) == [] and builds(tmp_path) == 2


def test_another_command_is_another_release(run: Callable[..., Any], tmp_path: Path) -> None:
    server: set[str] = set()
    run(server, hook=BUILD)
    assert len(run(server, hook=f"{BUILD} && true")) == 1 and builds(tmp_path) == 2


def test_each_server_gets_what_was_built_for_it(run: Callable[..., Any], tmp_path: Path) -> None:
    first, second = run(set(), set(), hook=BUILD)
    assert first.startswith("web0 ") and second.startswith("web1 ") and first.split()[1] != second.split()[1]
    assert builds(tmp_path) == 2


def test_a_dry_run_builds_nothing(run: Callable[..., Any], tmp_path: Path) -> None:
    assert run(set(), hook=BUILD, options={"dry_run": True}) == [] and builds(tmp_path) == 0


def test_without_commands_the_folder_is_taken_as_it_is(run: Callable[..., Any], tmp_path: Path) -> None:
    server: set[str] = set()
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/index.html").write_text("1")
    first = run(server, hook="")
    assert run(server, hook="") == []
    (tmp_path / "dist/index.html").write_text("2")
    second = run(server, hook="")
    assert len(first) == len(second) == 1 and first != second


def test_a_failed_command_makes_no_release(run: Callable[..., Any]) -> None:
    with pytest.raises(StepError, match=r"web0: run the hook before_build: the command 'exit 3' failed on your machine"):
        run(set(), hook="local: exit 3")


def test_a_commit_that_becomes_known_later_is_built_then(
    target: Callable[..., Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new server has no git when it is read."""
    monkeypatch.chdir(tmp_path)
    app = target(carry=["dist"], hooks={"before_build": [BUILD]})
    session = Session(app, None, Report(io.StringIO()))  # type: ignore[arg-type]
    carried.build(session)
    assert builds(tmp_path) == 0
    Commits({(app.repository, "main"): COMMIT}).resolve_now(session)
    assert builds(tmp_path) == 1 and session.release.built
    assert session.app.paths.release(session.app.commit).startswith("/srv/hello/releases/aaaaaaaaaaaa-")
    Commits({(app.repository, "main"): COMMIT}).resolve_now(session)
    assert builds(tmp_path) == 1
    assert replace(session.release, ref="x").carried == session.release.carried
    assert not carried.must_build(session, [])


def test_a_checkout_of_another_commit_is_noted(target: Callable[..., Target], tmp_path: Path) -> None:
    """`fab deploy --commit` of an older commit carries what was built from the newest."""
    for number in ("1", "2"):
        for words in (["init", "-q"], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", number]):
            subprocess.run(["git", *words], cwd=tmp_path, check=True)
    old, new = (subprocess.run(["git", "rev-parse", ref], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
                for ref in ("HEAD~1", "HEAD"))  # fmt: skip
    screen = io.StringIO()
    for commit in (new, old):
        session = Session(target(carry=["dist"], repository=str(tmp_path)), None, Report(screen))  # type: ignore[arg-type]
        session.release = Release(commit=commit)
        carried.note_other_commits([session], {"server": []})
    assert screen.getvalue() == (
        f"Note: app.carry takes files from {tmp_path}, which is at {new[:12]}; the release is of {old[:12]}.\n"
    )
