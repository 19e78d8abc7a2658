"""`fab status`: how each server and its app are doing right now."""

from __future__ import annotations

from typing import Any

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.operations.check_results import Finding, show, sick
from selvedge.operations.each_host import conclude, gather
from selvedge.operations.host_status import HostStatus, status_query
from selvedge.operations.output import document
from selvedge.operations.status_checks import judge
from selvedge.resources.base import Ask
from selvedge.run import Run


def status(run: Run, *, as_json: bool = False) -> None:
    """Print the status of each host; as lines, or as one JSON document.

    Raises SelvedgeError where something is unhealthy, or the error of the first host that cannot be read, after all was
    printed.
    """
    found = gather(run, lambda session: HostStatus.parse(session.read([Ask(status_query(session.target))])[0]))
    targets = {session.name: session.target for session in run.fleet.sessions}
    findings = {
        name: list(judge(targets[name], each)) for name, each in found.items() if not isinstance(each, SelvedgeError)
    }
    if as_json:
        document(
            run.report, {name: _plain(targets[name], each, findings.get(name, [])) for name, each in found.items()}
        )
    else:
        for name, lines in findings.items():
            show(run.report, name, lines)
    conclude(run, found)
    if ill := sick(findings):
        names = ",".join(line.partition(":")[0] for line in ill)
        raise SelvedgeError(f"Unhealthy: {'; '.join(ill)}.", f"`fab -H {names} doctor` looks for the cause.")


def _plain(app: Target, vitals: HostStatus | SelvedgeError, findings: list[Finding]) -> dict[str, Any]:
    if isinstance(vitals, SelvedgeError):
        return {"healthy": False, "error": str(vitals)}
    record = vitals.releases.record(vitals.releases.live)
    return {
        "app": app.name,
        "healthy": not any(each.level == "problem" for each in findings),
        "live": vitals.releases.live or None,
        "since": record.at if record else None,
        "workers": len(vitals.workers),
        "memory_kb": vitals.memory,
        "uptime_seconds": vitals.age,
        "restarts": vitals.restarts,
        "health": _named(vitals, "health", "status", "seconds"),
        "services": vitals.services,
        "certificate_days": round(vitals.certificate[0] / 86400, 2) if vitals.certificate else None,
        "disk": _named(vitals, "disk", "free_kb", "size_kb"),
        "memory": _named(vitals, "memory", "free_kb", "size_kb"),
        "load": _named(vitals, "load", "one_minute", "cores"),
        "upgrades": _named(vitals, "upgrades", "all", "security"),
        "reboot_required": "reboot" in vitals.facts,
        "findings": [each.plain for each in findings if each.level != "ok"],
    }


def _named(vitals: HostStatus, fact: str, *names: str) -> dict[str, float] | None:
    values = vitals.numbers(fact, len(names))
    if values is None:
        return None
    return {name: int(value) if value.is_integer() else value for name, value in zip(names, values, strict=True)}
