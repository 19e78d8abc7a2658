"""`fab doctor`: look for frequent problems on this machine and on every server. It changes nothing."""

from __future__ import annotations

from selvedge.errors import SelvedgeError
from selvedge.operations.doctor.facts import read_facts
from selvedge.operations.doctor.network import check_network
from selvedge.operations.doctor.server import check_server
from selvedge.operations.doctor.workstation import check_workstation
from selvedge.operations.support.check_results import CheckResult, print_results, problem, problem_summaries
from selvedge.operations.support.each_host import on_each_host
from selvedge.run import Run

HERE = "here"
"""The name of this machine in the report."""


def doctor(run: Run) -> None:
    """Print a line for each check, and a remedy for each warning and problem.

    Raises SelvedgeError at the end if there are problems, with the exit status of an unreachable host if there is one.
    """
    sessions = run.fleet.sessions
    facts_by_host = on_each_host(run, read_facts)
    results: dict[str, list[CheckResult]] = {
        HERE: list(check_workstation(run.settings, [session.target for session in sessions]))
    }
    for session in sessions:
        facts, app = facts_by_host[session.name], session.target
        if isinstance(facts, SelvedgeError):
            results[session.name] = [problem("login", facts.message, facts.remedy)]
        else:
            results[session.name] = [*check_server(app, facts), *check_network(app, facts)]
    for name, checked in results.items():
        print_results(run.report, name, checked)
    if problems := problem_summaries(results):
        statuses = [each.status for each in facts_by_host.values() if isinstance(each, SelvedgeError)]
        message = f"Problems: {'; '.join(problems)}."
        raise SelvedgeError(message, "Follow the lines with → above.", status=max(statuses, default=1))
