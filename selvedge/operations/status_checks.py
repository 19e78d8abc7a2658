"""What the vitals of a server mean: what is well, what will not be for long, what is not."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.operations.check_results import Finding, ok, problem, warning
from selvedge.operations.host_status import HostStatus
from selvedge.operations.output import duration, when
from selvedge.resources.nginx.certificates import LATE, day

SPACE_KB, SPACE_SHARE = 1 << 20, 0.1
"""Less free disk than this, or than this share of it, is a warning: a release with its environment takes up to 300 MB."""
FULL_KB = 100 << 10
"""Less free disk than this is a problem: nothing can be released, and logs and databases are about to fail."""


def judge(app: Target, vitals: HostStatus) -> Iterator[Finding]:
    """What the vitals of a server mean."""
    found = vitals.releases
    if not found.live:
        yield warning("app", f"{app.name}: nothing is deployed here", f"Run `fab -H {app.host.name} deploy`.")
    else:
        yield _app(app, vitals)
        if vitals.orphans:
            left = " ".join(vitals.orphans)
            yield warning(
                "app",
                f"still runs, but answers nobody, since its gunicorn was killed: {left}",
                f"On the server: `kill -9 {left}`.",
            )
        yield _health(app, vitals)
    yield from _services(vitals, deployed=bool(found.live))
    if app.has_tls:
        yield from _certificate(app, vitals)
    yield from machine(vitals)


def _app(app: Target, vitals: HostStatus) -> Finding:
    found = vitals.releases
    record = found.record(found.live)
    live = found.live + (f", live since {when(record.at)} UTC" if record and record.at else "")
    if not vitals.processes:
        state = " ".join(vitals.facts.get("manager", []))
        remedy = f"`fab -H {app.host.name} start` starts it; `fab -H {app.host.name} logs` shows why it ended."
        # What supervisor and systemd say of a program that they are not to run.
        stopped = "no such process" in state or state in ("", "inactive")
        return problem(
            "app", f"{live}: stopped" if stopped else f"{live}: nothing listens on its socket ({state})", remedy
        )
    count = len(vitals.workers)
    workers = f"{count} worker{'' if count == 1 else 's'}"
    restarts = f"{vitals.restarts} restart{'' if vitals.restarts == 1 else 's'}"
    text = f"{live}: {workers}, {vitals.memory / 1024:.0f} MB, up {duration(vitals.age or 0)}, {restarts}"
    if count == 0:
        return problem("app", f"{text}: no process answers", f"`fab -H {app.host.name} logs` shows why they end.")
    if vitals.restarts:
        return warning("app", text, f"`fab -H {app.host.name} logs` shows why it ended.")
    return ok("app", text)


def _health(app: Target, vitals: HostStatus) -> Finding:
    code, seconds = vitals.numbers("health", 2) or [0.0, 0.0]
    asked = f"GET {app.health} (Host: {app.health_host_header})"
    if any(first <= code <= last for first, last in app.health_ranges):
        return ok("health", f"{asked}: {code:.0f} in {seconds * 1000:.0f} ms")
    silent = f"no answer within {app.health_timeout:g} s" if seconds >= app.health_timeout else "nothing answers there"
    answer = f"answered {code:.0f}" if code else silent
    remedy = f"`fab -H {app.host.name} logs` shows why; accepted are {', '.join(app.health_status)}."
    return problem("health", f"{asked}: {answer}", remedy)


def _services(vitals: HostStatus, *, deployed: bool) -> Iterator[Finding]:
    for name, state in vitals.services.items():
        if state == "active":
            yield ok("service", f"{name} is active")
        elif deployed:
            yield problem(
                "service", f"{name} is {state}", f"On the server: `systemctl restart {name}`; `journalctl -u {name}`."
            )


def _certificate(app: Target, vitals: HostStatus) -> Iterator[Finding]:
    remedy = f"`fab -H {app.host.name} certbot` gets a new one, or says what is in the way."
    if app.tls.certificate:
        remedy = f"Put a newer one in {app.tls.certificate}, then run `fab -H {app.host.name} certbot`."
    if not vitals.certificate:
        yield warning("certificate", f"there is none for {', '.join(app.domains)}", remedy)
        return
    left, life = vitals.certificate
    if vitals.served:
        until = "" if vitals.served == "none" else day(vitals.served)
        shown = f"still shows another one on port 443, until {until}" if until else "shows none on port 443"
        yield problem("certificate", f"nginx {shown}", f"`fab -H {app.host.name} certbot` has it loaded.")
    if left <= 0:
        yield problem("certificate", f"has expired {duration(-left)} ago", remedy)
    elif left < LATE * life:
        yield warning("certificate", f"ends in {duration(left)}, and was not renewed", remedy)
    elif not vitals.served:
        yield ok("certificate", f"{left / 86400:.0f} days left")
    for unit in () if app.tls.certificate else vitals.failed_renewals:
        yield warning(
            "certificate", f"its last renewal failed ({unit})", f"`fab -H {app.host.name} certbot --renew-dry-run`"
        )


def machine(vitals: HostStatus) -> Iterator[Finding]:
    """Disk, load, memory, what an update waits for."""
    yield from _disk(vitals)
    load, memory = vitals.numbers("load", 2), vitals.numbers("memory", 2)
    if load and memory:
        cores = f"{load[1]:.0f} core{'' if load[1] == 1 else 's'}"
        yield ok("load", f"{load[0]:.2f} on {cores}, {memory[0] / 1024:.0f} of {memory[1] / 1024:.0f} MB memory free")
    upgrades = vitals.numbers("upgrades", 2)
    if upgrades and upgrades[0]:
        yield warning(
            "upgrades", f"{upgrades[0]:.0f} packages ({upgrades[1]:.0f} for security)", "`fab update` installs them."
        )
    elif upgrades:
        yield ok("upgrades", "none are waiting")
    if "reboot" in vitals.facts:
        packages = " ".join(vitals.facts["reboot"])
        yield warning("reboot", f"needed by {packages or 'an update'}", "On the server: `systemctl reboot`.")


def _disk(vitals: HostStatus) -> Iterator[Finding]:
    disk, inodes = vitals.numbers("disk", 2), vitals.numbers("few-inodes", 1)
    remedy = "Make room on the server: `apt-get clean`, `journalctl --vacuum-size=100M`, old files."
    if disk:
        free, size = disk
        text = f"{free / (1 << 20):.1f} of {size / (1 << 20):.1f} GB free"
        if free < FULL_KB:
            yield problem("disk", text, remedy)
        elif free < SPACE_KB or free < SPACE_SHARE * size:
            yield warning("disk", text, remedy)
        else:
            yield ok("disk", text)
    if inodes:
        yield problem("disk", f"only {inodes[0]:.0f} files more can be made (inodes)", remedy)
