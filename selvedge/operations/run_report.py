"""`--report FILE.html`: a page of a run, also of one that failed: its time line, changes, commits, gate, and what is live where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from selvedge.engine.workstation import who
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.pages.file import page_path, render_page, write_page
from selvedge.operations.pages.run_page import run_values
from selvedge.release.outcome import Outcome, outcome_of_plans, read_outcomes
from selvedge.report.recording import Recording
from selvedge.run import Run
from selvedge.value import Value
from selvedge.version import VERSION

BACKWARDS = ("rollback",)
"""Tasks whose release is older than the one before."""


class RunPage(Value):
    """The page that a command line asks for. words: the command without the flag. tasks: the names of its tasks."""

    path: Path
    words: str
    tasks: tuple[str, ...]
    dry: bool

    @staticmethod
    def recording() -> Recording:
        """Return a report that keeps what the page shows."""
        return Recording()

    @contextmanager
    def written(self, run: Run, caught: Callable[[BaseException], SelvedgeError | None]) -> Iterator[None]:
        """Write the page when the block, which is the run, has ended or failed.

        caught: returns the error for an exception that is none of Selvedge's. Raises SelvedgeError if the page cannot be written,
        but never in place of the run's own error.
        """
        try:
            yield
        except BaseException as raised:
            error = raised if isinstance(raised, SelvedgeError) else caught(raised)
            try:
                _write(run, self, error, interrupted=isinstance(raised, KeyboardInterrupt))
            except SelvedgeError as problem:
                run.report.error(problem)
            raise
        _write(run, self, None, interrupted=False)


def wanted_page(hosts: str, tasks: Sequence[str], flags: Sequence[Mapping[str, Any]]) -> RunPage:
    """Return the page that the flags ask for. Raises UsageError before a server is contacted.

    hosts: the value of -H. tasks: their names. flags: those of each task, by name; at least one has `report`.
    """
    given = list(dict.fromkeys(str(each["report"]) for each in flags if each.get("report")))
    if len(given) > 1:
        raise UsageError(f"--report has two values: {' and '.join(given)}.", "Use only one of them.")
    if any(each.get("script") for each in flags):
        raise UsageError("--report and --script cannot be given together.", "Use only one of them.")
    chosen = [f"-H {hosts}"] if hosts else []
    words = " ".join(["fab", *chosen, *(_words(task, each) for task, each in zip(tasks, flags, strict=True))])
    return RunPage(page_path("--report", given[0]), words, tuple(tasks), any(each.get("dry_run") for each in flags))


def _words(task: str, flags: Mapping[str, Any]) -> str:
    """Return a task with its flags, as they are typed."""
    found = [task]
    for name, value in flags.items():
        if value and name != "report":
            flag = f"--{name.strip('_').replace('_', '-')}"
            found.append(flag if value is True else f"{flag} {value}")
    return " ".join(found)


def _write(run: Run, wanted: RunPage, error: SelvedgeError | None, *, interrupted: bool) -> None:
    recording = run.report
    assert isinstance(recording, Recording)
    length = recording.now
    outcomes = _outcomes(run, recording, wanted, interrupted=interrupted)
    began = datetime.fromtimestamp(recording.began).astimezone()
    values = run_values(recording, outcomes, error, length=length, dry=wanted.dry, backwards=_backwards(wanted))
    page = render_page(
        "run",
        app=run.settings.app.name,
        command=wanted.words,
        action=" ".join(wanted.tasks),
        by=who(),
        version=VERSION,
        began=began.strftime("%Y-%m-%d %H:%M:%S %Z"),
        urls=_urls(run),
        **values,
    )
    write_page(wanted.path, page)
    # Not in the recording: the page does not name itself.
    run.report.note(f"The report is in {wanted.path}.")


def _backwards(wanted: RunPage) -> bool:
    return any(task in BACKWARDS for task in wanted.tasks)


def _urls(run: Run) -> dict[str, str]:
    """Return the address of each host's site, "" for a host without the app's site."""
    return {each.name: "" if each.target.has_only_database else each.target.announced_url for each in run.fleet.sessions}


def _outcomes(run: Run, recording: Recording, wanted: RunPage, *, interrupted: bool) -> list[Outcome]:
    """Return what is live on each host. A run that changed nothing knows it without a further reading."""
    changed = any(span.state for span in recording.spans)
    known = [outcome_of_plans(session, recording.first_plans.get(session.name, ())) for session in run.fleet.sessions]
    if wanted.dry or (not changed and all(each.after is not None for each in known)):
        return known
    # After Ctrl-C the user waits for the prompt, and no connection is left.
    if interrupted:
        cut = "the run was interrupted"
        return [Outcome(each.host, each.before, wanted=each.wanted, problem=cut) if each.runs_app else each for each in known]
    return read_outcomes(run.fleet, recording.first_plans, backwards=_backwards(wanted))
