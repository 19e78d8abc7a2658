"""`fab doctor`: everything that is usually wrong, looked at on this machine and on every server; nothing is changed."""

from __future__ import annotations

from selvedge.errors import SelvedgeError
from selvedge.operations.check_results import Finding, problem, show, sick
from selvedge.operations.doctor.facts import examine
from selvedge.operations.doctor.network import reach
from selvedge.operations.doctor.server import diagnose
from selvedge.operations.doctor.workstation import inspect
from selvedge.operations.each_host import gather
from selvedge.run import Run

HERE = "here"
"""What stands before the lines about this machine."""


def doctor(run: Run) -> None:
    """Print a line for each thing that was looked at, with a remedy where it is not as it should be.

    Raises SelvedgeError at the end where there are problems; its status is that of an unreachable host, where one is.
    """
    sessions = run.fleet.sessions
    found = gather(run, lambda session: examine(session, knock=True))
    findings: dict[str, list[Finding]] = {HERE: list(inspect(run.settings, [session.target for session in sessions]))}
    for session in sessions:
        examined, app = found[session.name], session.target
        if isinstance(examined, SelvedgeError):
            findings[session.name] = [problem("login", examined.message, examined.remedy)]
        else:
            findings[session.name] = [*diagnose(app, examined), *reach(app, examined)]
    for name, lines in findings.items():
        show(run.report, name, lines)
    if ill := sick(findings):
        lost = [each.status for each in found.values() if isinstance(each, SelvedgeError)]
        raise SelvedgeError(
            f"Problems: {'; '.join(ill)}.", "Each line with → says what to do.", status=max(lost, default=1)
        )
