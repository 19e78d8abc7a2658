"""Run the tasks of a command line as one chain: plan all steps on all hosts, show the plans, make the changes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Planned, Plans, Session
from selvedge.release.carried import must_build, note_other_commits
from selvedge.release.commits import Commits, apply_options
from selvedge.release.database import shared_databases
from selvedge.release.drained import with_undrain
from selvedge.release.new_password import complete_database_password
from selvedge.release.notify import notified
from selvedge.release.refs import ref_of
from selvedge.release.rollout import report_maintenance, roll_out
from selvedge.report import Report
from selvedge.report.text import Styled
from selvedge.resources.code.hook import BuildHook
from selvedge.resources.code.pushed import uncommitted_files
from selvedge.task import Step

Steps = Mapping[str, Sequence[Step]]
"""The steps of each host, by the host's name."""

# `--script` prints whole files of lib/. A script calls some of their functions and assigns their variables.
SCRIPT_HEAD = "# shellcheck shell=dash disable=SC2016,SC2030,SC2031,SC2154,SC2329"


def run_chain(fleet: Fleet, commits: Commits, tasks: Sequence[Step], options: Mapping[str, Any]) -> None:
    """Plan the steps of the tasks and show the plans. Then make the changes, unless --dry-run or --script is set.

    options: the flags of all tasks together. Raises SelvedgeError: StepError, LockedError, UnreachableError.
    """
    began = time.monotonic()
    apply_options(fleet.sessions, options)
    steps = {session.name: _steps(tasks, session) for session in fleet.sessions}
    complete_database_password(fleet, steps, dry=bool(options.get("dry_run") or options.get("script")))
    # git may need longer than the servers.
    with ThreadPoolExecutor(max_workers=1) as background:
        uncommitted = background.submit(count_uncommitted, fleet.sessions, steps, options)
        plans = plan_steps(fleet, commits, steps)
    if options.get("script"):
        _print_scripts(fleet, plans)
        return
    dry = bool(options.get("dry_run"))
    for session in fleet.sessions:
        show_plan(fleet.report, session, plans[session.name], whole=dry or bool(options.get("diff")))
    print_notes(fleet, plans, uncommitted.result())
    if dry:
        fleet.report.line("Dry run: nothing was changed.")
        return
    if _nothing_to_change(fleet, tasks, plans):
        return
    # Plan again if another run, or the last step of an interrupted one, has changed something since the reading.
    doing = f"fab {' '.join(str(task.name) for task in tasks)}"
    if fleet.lock(doing, int(options.get("wait") or 0), time.monotonic() - began):
        plans = plan_steps(fleet, commits, steps)
        if _nothing_to_change(fleet, tasks, plans):
            return
    if unbuilt := [session for session in fleet.sessions if must_build(session, plans[session.name])]:
        commits.build(unbuilt)
        plans = plan_steps(fleet, commits, steps)
        if _nothing_to_change(fleet, tasks, plans):
            return
    for name, items in plans.items():
        fleet.report.plan(name, (item.name for item in items if item))
    with notified(fleet, plans):
        roll_out(fleet, commits, plans, revert=not options.get("no_revert"))


def plan_steps(fleet: Fleet, commits: Commits, steps: Steps) -> Plans:
    """Plan the steps of all hosts in parallel, by one exec per host. Raises SelvedgeError."""
    if len(steps) > 1 and any(step.phase == "switch" for each in steps.values() for step in each):
        _share_databases(fleet.sessions)
    if releasing := [session for session in fleet.sessions if any(step.needs_commit for step in steps[session.name])]:
        commits.resolve(releasing)
    plans = dict(zip(steps, fleet.each(lambda session: session.plan(steps[session.name])), strict=True))
    fleet.report.keep_plans(plans)
    return plans


def count_uncommitted(sessions: Sequence[Session], steps: Steps, options: Mapping[str, Any]) -> Mapping[Path, int]:
    """Return the number of changed files of each checkout on this machine whose newest commit is released."""
    if any(ref_of(session.name, options) for session in sessions):
        return {}
    apps = [session.target for session in sessions if any(step.needs_commit for step in steps[session.name])]
    return {path: uncommitted_files(app) for path, app in {app.repository_path: app for app in apps}.items() if path}


def print_notes(fleet: Fleet, plans: Plans, uncommitted: Mapping[Path, int]) -> None:
    """Print what the plans do not show: changes of a checkout that are not committed, and hooks and files that differ."""
    for folder, count in uncommitted.items():
        if count:
            text = f"{count} changed file{'' if count == 1 else 's'} in {folder} will not be released: commit first."
            fleet.report.line(Styled("Note: ", "yellow"), text)
    _note_changed_hooks(fleet, plans)
    note_other_commits(fleet.sessions, plans)


def _note_changed_hooks(fleet: Fleet, plans: Plans) -> None:
    """Print which hooks of the build have other commands than when the release was built that has been live since."""
    for name, items in plans.items():
        for resource, fact in (pair for item in items for pair in zip(item.resources, item.facts, strict=False)):
            if isinstance(resource, BuildHook) and fact.strip() == "built":
                text = f"{name}: the hook {resource.name} is new or has changed. It will run when the next commit is built."
                fleet.report.line(Styled("Note: ", "yellow"), text)


def _steps(tasks: Sequence[Step], session: Session) -> list[Step]:
    """Return the steps of the tasks on a host in their order, each once, and the end of a drain for them."""
    return with_undrain(session.target, list(dict.fromkeys(part for task in tasks for part in task.parts(session.app))))


def _share_databases(sessions: Sequence[Session]) -> None:
    """Have only the first of the hosts that share a database migrate it."""
    seen: set[frozenset[str]] = set()
    for session in sessions:
        if not session.target.migrate or session.target.has_only_database:
            continue
        databases = shared_databases(session.target)
        if databases and databases in seen:
            session.release = replace(session.release, migrates=False)
        seen.add(databases)


def _nothing_to_change(fleet: Fleet, tasks: Sequence[Step], plans: Plans) -> bool:
    """Return whether no step has a change; if so, print that for each task."""
    if any(item for items in plans.values() for item in items):
        return False
    report_maintenance(fleet, plans)
    for task in tasks:
        fleet.report.line(f"{task.name}: nothing to change on {', '.join(plans)}.")
    return True


def show_plan(report: Report, session: Session, items: Sequence[Planned], *, whole: bool) -> None:
    """Print the planned steps of a host. whole: include the texts of new files."""
    earlier_changes = False
    for item in items:
        changes = [change for _, change in item.plan.changes if not (earlier_changes and change.waits)]
        if not changes and not item.pending:
            known = [resource.unchanged(fact) for resource, fact in zip(item.resources, item.facts, strict=False)]
            said = "; ".join(["nothing to change", *filter(None, known)])
            report.step(session.name, item.name, Styled(said, "dim"))
            continue
        earlier_changes = True
        counted = _counted(len(changes), "change") if changes else ""
        report.step(session.name, item.name, ", ".join(filter(None, [counted, item.pending])))
        for change in changes:
            lines = 0 if whole else _lines_of_new_file(change.diff)
            size = f"  ({_counted(lines, 'line')})" if lines else ""
            report.line("    ", Styled("•", "yellow"), f" {change.summary}{size}", indent=6)
            if change.diff and not lines:
                report.diff(change.diff)


def _lines_of_new_file(diff: str) -> int:
    """Return the number of lines of a file that the diff creates, 0 if the file exists."""
    _, _, body = diff.partition("\n@@ -0,0 +1")
    return sum(row.startswith("+") for row in body.splitlines())


def _counted(number: int, word: str) -> str:
    """Return "1 change", "2 changes"."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _print_scripts(fleet: Fleet, plans: Plans) -> None:
    fleet.report.raw(SCRIPT_HEAD)
    for session in fleet.sessions:
        for item in plans[session.name]:
            if item.pending:
                session.report.raw(f"# {session.name}: {item.name}: {item.pending}")
            if item.plan:
                session.report.raw(f"# {session.name}: {item.name}\n{session.script(item)}")
            elif not item.pending:
                session.report.raw(f"# {session.name}: {item.name}: nothing to change")
