"""The page of a run (`--report`): what it says, how hostile text and secrets fare in it, and when it is refused or not written."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.shared_database import SharedDatabase
from selvedge.config.target import Target
from selvedge.engine.plan import Plan
from selvedge.engine.progress import Progress
from selvedge.engine.session import Planned
from selvedge.errors import SelvedgeError, StepError, UnreachableError, UsageError
from selvedge.operations.run_report import RunPage, wanted_page
from selvedge.release.live import Live
from selvedge.report.recording import Recording
from selvedge.resources.base import Change
from selvedge.resources.files import File
from selvedge.run import Run
from selvedge.task import Step
from tests.support.html_page import Tags
from tests.support.releases import NEW, OLD
from tests.support.runs import Reader, run_over

HOSTILE = "<script>alert(1)</script> \" ' & \x1b[31mred\x1b[0m {{ 7 * 7 }} \udcff"
DIFF = f"--- /etc/x\n+++ /etc/x\n@@ -1 +1 @@\n-old\n+{HOSTILE}\n"
RECORD = f"instance {NEW}/\n{NEW}/state:good\n{NEW}/record:subject Faster {HOSTILE}\n{NEW}/record:author Ada\n"


@pytest.fixture
def page(tmp_path: Path) -> RunPage:
    return RunPage(tmp_path / "run.html", "fab deploy", ("deploy",), False)


def switch(app: Target) -> Step:
    def body(_: Target) -> Iterator[Any]:
        yield Live(app, NEW)

    return Step(body, name="supervisor", phase="switch")


def a_run(app: Target, **remotes: Reader) -> Run:
    """Return a run that records, with a plan of one release on each host."""
    run = run_over(app, remotes, io.StringIO())
    recording = Recording(io.StringIO())
    run.fleet.report = recording
    for session in run.fleet.sessions:
        session.report = recording
    live = Live(app, NEW)
    plan = Plan([(live, Change(f"switch to {NEW}", "true", remedy="Correct it."))])
    items = [Planned(switch(app), [live], plan, facts=[f"live {OLD}\n"]), Planned(Step(lambda _: iter(()), name="nginx"), [])]
    recording.keep_plans(dict.fromkeys(remotes, items))
    return run


def make(run: Run, host: str, *lines: str, changes: tuple[Change, ...] = (Change("write <b>x</b>", "true", DIFF),)) -> None:
    """Make a step on a host, as a script's lines of progress tell it."""
    plan = Plan([(File("/etc/x", ""), change) for change in changes])
    progress = Progress(run.report, host, "supervisor", plan, "@m")
    for line in ("@m begin 0", *lines):
        progress.line(line)
    progress.conclude(1, "/var/log/selvedge/hello.log")


DONE = ("@m wait waiting for the <i>app</i>", "@m gate settings", "@m gate settings the check succeeded", "@m gate health",
        f"@m gate health GET / answered 200 {HOSTILE}", "@m done 0", "@m end 0")  # fmt: skip


def test_a_deploy_tells_what_it_did(target: Callable[..., Target], page: RunPage) -> None:
    log = f"4c1a2b3\t2026-11-29T14:30:05+01:00\tAda {HOSTILE}\tFaster {HOSTILE}\n"
    remote = Reader(f"live {NEW}\nlistening yes\n{RECORD}", log)
    run = a_run(target(), web=remote)
    with page.written(run, lambda _: None):
        make(run, "web", *DONE)
    text = page.path.read_text()
    tags = Tags(text)
    assert remote.execs == 1
    for said in ("hello: deploy", "✓ done", NEW, OLD, "4c1a2b3", "2026-11-29 14:30 +01:00", "✓ passed", "the check succeeded",
                 "write <b>x</b>", "waiting for the <i>app</i>", "Nothing to change: nginx.", "Commits since the previous release"):
        assert said in tags.text, said
    assert "✗" not in tags.text and "\x1b" not in text and "{{ 7 * 7 }}" in tags.text
    assert "script" not in {tag for tag, _ in tags.found} and "<script" not in text
    assert page.path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_loaded_from_elsewhere(target: Callable[..., Target], page: RunPage) -> None:
    run = a_run(target(domains=["a.test"]), web=Reader(f"live {NEW}\n", ""))
    with page.written(run, lambda _: None):
        make(run, "web", *DONE)
    tags = Tags(page.path.read_text()).found
    loaded = [attributes for tag, attributes in tags for name in ("src", "href") if attributes.get(name) and tag != "a"]
    assert loaded == [{"rel": "icon", "href": "data:,"}]
    policy = next(attributes["content"] for _, attributes in tags if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy and policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert not [attributes for _, attributes in tags if "style" in attributes or any(name.startswith("on") for name in attributes)]
    assert [attributes["href"] for tag, attributes in tags if tag == "a"] == ["https://a.test/"]


def test_a_failure_names_the_layer_that_failed_and_what_follows(target: Callable[..., Target], page: RunPage) -> None:
    run = a_run(target(), web=Reader(f"live {OLD}\nlistening yes\n", ""))
    said = ("Traceback of the app", f"@m error It ended {HOSTILE}", "@m end 1")
    lines = ("@m gate settings", "@m gate settings good", "@m gate start", *said)
    with pytest.raises(StepError), page.written(run, lambda _: None):
        make(run, "web", *lines, changes=(Change("start it", "true", remedy="Correct it."), Change("never made", "true")))
    text = Tags(page.path.read_text()).text
    rows = re.findall(r"(Settings|Start|Health|Site|Settle)(?=[A-Z]).*?(passed|failed|not reached)", text, re.DOTALL)
    assert rows[:2] == [("Settings", "passed"), ("Start", "failed")]
    assert rows[2:] == [(name, "not reached") for name in ("Health", "Site", "Settle")]
    for words in ("✗ failed", "web: supervisor failed at: start it. It ended <script>", "Correct it. See all of its output",
                  "Traceback of the app", OLD):  # fmt: skip
        assert words in text, words
    assert f"switch to {NEW}" in text and "not made" in text, "the plan's other changes"


def test_the_commits_of_all_hosts_are_on_the_page(target: Callable[..., Target], page: RunPage) -> None:
    """Hosts of one run may have other branches."""
    logs = {name: f"{name}\t2026-11-29T14:30:05+01:00\tAda\tFor {name}\n" for name in ("one", "two")}
    run = a_run(target(), **{name: Reader(f"live {NEW}\nlistening yes\n{RECORD}", log) for name, log in logs.items()})
    with page.written(run, lambda _: None):
        make(run, "one", *DONE)
        make(run, "two", *DONE)
    text = Tags(page.path.read_text()).text
    assert "For one" in text and "For two" in text


def test_hosts_that_cannot_be_read_are_unknown(target: Callable[..., Target], page: RunPage) -> None:
    gone = Reader()
    gone.is_connected = False
    run = a_run(target(), web=Reader(f"live {NEW}\nlistening yes\n", ""), gone=gone)
    with pytest.raises(UnreachableError), page.written(run, lambda _: None):
        make(run, "web", *DONE)
        raise UnreachableError("gone: the connection was lost.", "Check it.")
    text = Tags(page.path.read_text()).text
    assert "unknown: there is no connection to it" in text and "gone: the connection was lost." in text
    assert gone.execs == 0


def test_ctrl_c_leaves_a_page_of_what_was_done(target: Callable[..., Target], page: RunPage) -> None:
    remote = Reader("live x\n")
    run = a_run(target(), web=remote)
    with pytest.raises(KeyboardInterrupt), page.written(run, lambda _: SelvedgeError("Interrupted.", "Run it again.")):
        run.report.begin("web", "venv", "build it")
        raise KeyboardInterrupt
    text = Tags(page.path.read_text()).text
    assert "Interrupted." in text and "!build it" in text and "unknown: the run was interrupted" in text
    assert remote.execs == 0, "the user waits for the prompt"


def test_a_run_without_changes_needs_no_reading(target: Callable[..., Target], page: RunPage) -> None:
    remote = Reader("live x\n")
    run = a_run(target(), web=remote)
    with page.written(run, lambda _: None):
        pass
    text = Tags(page.path.read_text()).text
    assert "= nothing to change" in text and remote.execs == 0 and OLD in text


@pytest.mark.parametrize("changed", [False, True])
def test_hosts_that_do_not_run_the_app_are_not_read(target: Callable[..., Target], page: RunPage, changed: bool) -> None:
    shared = SharedDatabase(host="db", address="10.0.0.5", here=True, clients=(("web", "10.0.0.11"),), app_here=False)
    remotes = {name: Reader(f"live {OLD}\nlistening yes\n", "") for name in ("web", "lb", "db")}
    run = a_run(target(domains=["a.test"]), **remotes)
    _, lb, db = run.fleet.sessions
    lb.target = lb.target.model_copy(update={"backends": {"web": "10.0.0.11:80"}})
    db.target = db.target.model_copy(update={"database": shared})
    for name in ("lb", "db"):
        run.report.first_plans[name] = []  # type: ignore[attr-defined]
    with page.written(run, lambda _: None):
        if changed:
            make(run, "lb", *DONE)
    assert {name: remote.execs for name, remote in remotes.items()} == {"web": int(changed), "lb": 0, "db": 0}
    text = page.path.read_text()
    assert text.count("does not run the app") == 2 and ">nothing<" not in text
    assert text.count('<a href="https://a.test/"') == 2, "not the database"


def test_a_page_that_cannot_be_written_never_hides_the_cause(
    target: Callable[..., Target], page: RunPage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> Any:
        raise OSError(28, "No space left on device")

    page.path.write_text("the earlier one")
    monkeypatch.setattr("tempfile.mkstemp", full)
    run = a_run(target(), web=Reader(f"live {OLD}\n", ""))
    with pytest.raises(StepError, match="the cause"), page.written(run, lambda _: None):
        raise StepError("the cause")
    assert "the page could not be written: No space left on device." in capsys.readouterr().err
    with pytest.raises(SelvedgeError, match="could not be written"), page.written(run, lambda _: None):
        pass
    assert page.path.read_text() == "the earlier one"


@pytest.mark.parametrize(("name", "problem"), [
    ("hosts.toml", "must end in .html"), ("none/run.html", "is missing"), ("folder.html", "is not a regular file"),
    ("/proc/run.html", "is not writable"),
])  # fmt: skip
def test_a_path_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    monkeypatch.setattr("os.access", lambda path, _: not str(path).startswith("/proc"))
    with pytest.raises(UsageError, match=problem) as caught:
        wanted_page("", ["deploy"], [{"report": name}])
    assert caught.value.remedy


def test_flags_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    one, two = str(tmp_path / "a.html"), str(tmp_path / "b.html")
    with pytest.raises(UsageError, match="two values"):
        wanted_page("", ["setup", "rollback"], [{"report": one}, {"report": two}])
    with pytest.raises(UsageError, match="--script"):
        wanted_page("", ["deploy"], [{"report": one, "script": True}])


def test_the_command_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    flags = [{"wait": 0}, {"report": str(tmp_path / "a.html"), "commit": "abc", "force": True}]
    assert wanted_page("web-1,lb", ["setup", "deploy"], flags).words == "fab -H web-1,lb setup deploy --commit abc --force"
    assert wanted_page("", ["setup", "deploy"], flags).words == "fab setup deploy --commit abc --force"
