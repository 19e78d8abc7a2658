"""Checks of a server's status: limits, and what to do if they are exceeded."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.operations.support.backup_checks import check_backups
from selvedge.operations.support.balancer_checks import check_balancer
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.host_status import HostStatus
from selvedge.operations.support.metrics_checks import check_metrics
from selvedge.operations.support.text import duration, when
from selvedge.resources.nginx.certificates import LATE, day

SPACE_KB, SPACE_SHARE = 1 << 20, 0.1
"""Less free disk than this, or than this share of it, is a warning: a release and its environment take up to 300 MB."""
FULL_KB = 100 << 10
"""Less free disk than this is a problem: a release would fail, and logs and databases soon will."""

STEPS = {"postgresql": "postgres", "selvedge-redis": "redis"}
"""The beginning of a unit's name → the step that starts it."""


def check_status(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Check the app and its server."""
    deployed = bool(status.releases.live)
    if since := status.maintenance:
        ends = f"Run `fab -H {app.host.name} maintenance --off` to end it."
        yield warning("maintenance", f"on {since}: visitors get its page", ends)
    if deployed:
        yield _running(app, status) if status.processes else _stopped(app, status)
        yield from _processes(app, status)
        yield from _orphans(status)
        yield _health(app, status)
        yield from _site(app, status)
        yield from _draining(app, status)
        yield from _left_running(app, status)
    elif app.runs_here:
        yield warning("app", f"{app.name} is not deployed", f"Run `fab -H {app.host.name} deploy`.")
    yield from check_balancer(app, status)
    yield from _timers(app, status)
    yield from _services(app, status, deployed=deployed or app.has_only_database)
    site = app.balancer_site or app
    if site.has_tls and not app.has_only_database:
        yield from _certificate(site, status)
    if app.backup.to and (deployed or app.has_only_database):
        yield from check_backups(app, status)
    yield from check_metrics(app, status)
    yield from _disk(status)
    yield from _load(status)
    yield from _updates(app, status)


def is_accepted(app: Target, code: float) -> bool:
    """Return whether the HTTP status is one that `app.health_status` accepts."""
    return any(first <= code <= last for first, last in app.health_ranges)


def _live(status: HostStatus) -> str:
    record = status.releases.record(status.releases.live)
    return status.releases.live + (f", live since {when(record.at)} UTC" if record and record.at else "")


def _stopped(app: Target, status: HostStatus) -> CheckResult:
    state = " ".join(status.facts.get("manager", []))
    text = f"no process listens on its socket ({state})" if state else "stopped"
    remedy = f"Run `fab -H {app.host.name} start`. `fab -H {app.host.name} logs` shows why the app stopped."
    return problem("app", f"{_live(status)}: {text}", remedy)


def _running(app: Target, status: HostStatus) -> CheckResult:
    count = len(status.workers)
    workers = f"{count} worker{'' if count == 1 else 's'}"
    restarts = f"{status.restarts} restart{'' if status.restarts == 1 else 's'}"
    text = f"{_live(status)}: {workers}, {status.memory / 1024:.0f} MB, up {duration(status.age or 0)}, {restarts}"
    if said := " ".join(status.facts.get("healthcheck", [])):
        text += f", the image's HEALTHCHECK says {said}"
    if count == 0:
        return problem("app", f"{text}: no worker is running", f"Run `fab -H {app.host.name} logs` to see why the workers exited.")
    if status.restarts:
        return warning("app", text, f"Run `fab -H {app.host.name} logs` to see why the app exited.")
    return ok("app", text)


def _processes(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Yield the state of each process beside the web process."""
    stopped = not status.processes
    for each in status.releases.processes:
        restarts = f"{each.restarts} restart{'' if each.restarts == 1 else 's'}"
        leaving = f", {each.leaving} more finish their work" if each.leaving else ""
        text = f"{each.name}: up {each.up}/{each.count}, {restarts}{leaving}"
        remedy = f"Run `fab -H {app.host.name} logs --process {each.name}` to see why."
        if each.kept != each.count:
            remedy = f"Run `fab -H {app.host.name} {'start' if stopped else 'deploy'}`."
        if each.up < each.count or each.kept != each.count:
            yield problem("process", text, remedy)
        elif each.restarts:
            yield warning("process", text, remedy)
        elif each.count or each.leaving:
            yield ok("process", text)


def _orphans(status: HostStatus) -> Iterator[CheckResult]:
    if status.orphans:
        ids = " ".join(status.orphans)
        text = f"worker processes of a killed app server still run, and get no requests: {ids}"
        yield warning("app", text, f"End them on the server: `sudo kill -9 {ids}`.")


def _health(app: Target, status: HostStatus) -> CheckResult:
    code, seconds = status.numbers("health", 2) or [0.0, 0.0]
    asked = f"GET {app.health_path} (Host: {app.health_host_header})"
    if is_accepted(app, code):
        return ok("health", f"{asked}: {code:.0f} in {seconds * 1000:.0f} ms")
    silent = f"no answer within {app.health_timeout:g} s" if seconds >= app.health_timeout else "no process accepts connections"
    answer = f"answered {code:.0f}" if code else silent
    remedy = f"Run `fab -H {app.host.name} logs` to see why. Accepted statuses: {', '.join(app.health_status)}."
    return problem("health", f"{asked}: {answer}", remedy)


def _site(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Yield a problem if the announced address shows another site, or nothing. nginx has no answer of a stopped app."""
    answer = status.facts.get("site")
    if not answer or not status.processes:
        return
    code, release = [*answer, ""][:2]
    if status.maintenance and code == "503":
        return
    asked = f"GET {app.health_url}"
    remedy = f"Run `fab -H {app.host.name} doctor`, which checks the site."
    if code == "0":
        yield problem("site", f"{asked}: nginx does not answer", remedy)
    elif app.release_header and not release and code in ("502", "503", "504"):
        yield problem("site", f"{asked}: nginx answers {code}, not the live release", remedy)
    elif app.release_header and release != status.releases.live:
        yield problem("site", f"{asked}: {release or 'another site'} answers, not the live release", remedy)


def _draining(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    for release in status.releases.draining:
        yield ok("draining", f"{release} answers its open requests for up to {app.drain} s")


def _left_running(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Yield a warning for releases that run beside the live one without a drain that stops them."""
    releases = status.releases
    if others := [each for each in releases.running if each not in (releases.live, *releases.draining)]:
        text = f"{', '.join(others)} also runs, and is not live: a deploy runs now, or a run or a drain was interrupted"
        yield warning("releases", text, f"If no deploy runs now, `fab -H {app.host.name} deploy` stops it.")


def _timers(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    host, now = app.host.name, (status.numbers("now", 1) or [0.0])[0]
    for name, timer in status.timers.items():
        last = f"ran {duration(now - timer.began)} ago" if timer.began else "has not run yet"
        next_run = f", runs in {duration(timer.next - now)}" if timer.next else ""
        if timer.failed:
            timeout = app.timers[name].timeout if name in app.timers else None
            text = f"{name} {last}, and failed: {timer.outcome(timeout)}"
            remedy = f"`fab -H {host} logs --timer {name}` shows its output. `fab -H {host} timers --run {name}` runs it again."
            yield warning("timer", text, remedy)
        elif timer.running:
            yield ok("timer", f"{name} has been running for {duration(now - timer.began)}")
        elif not timer.on and status.processes:
            yield warning("timer", f"{name} is paused", f"Run `fab -H {host} start`.")
        else:
            yield ok("timer", f"{name} {last}{next_run}")


def _services(app: Target, status: HostStatus, *, deployed: bool) -> Iterator[CheckResult]:
    for name, state in status.services.items():
        if state == "active":
            yield ok("service", f"{name} is active")
        elif deployed:
            step = next((step for start, step in STEPS.items() if name.startswith(start)), "")
            # `fab postgres` is refused while a restore is unfinished.
            half = "backup-half" in status.facts
            restart = f"Run `sudo systemctl restart {name}` on the server"
            start = f"Run `fab -H {app.host.name} {step}`" if step and not half else restart
            remedy = f"{start}. `sudo journalctl -u {name}` shows why it stopped."
            yield problem("service", f"{name} is {state}", remedy)


def _certificate(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    remedy = f"Run `fab -H {app.host.name} certbot`, which gets a new one or reports why it cannot."
    if app.tls.certificate:
        remedy = f"Replace {app.tls.certificate} and its key with newer ones, then run `fab -H {app.host.name} certbot`."
    if not status.certificate:
        yield warning("certificate", f"missing for {', '.join(app.names)}", f"Run `fab -H {app.host.name} deploy`.")
        return
    left, life = status.certificate
    if status.served:
        until = "" if status.served == "none" else day(status.served)
        shown = f"still serves an older certificate on port {app.nginx.https_port}, valid until {until}"
        if not until:
            shown = f"serves no certificate on port {app.nginx.https_port}"
        yield problem("certificate", f"nginx {shown}", f"Run `fab -H {app.host.name} certbot`, which makes nginx load it.")
    if left <= 0:
        yield problem("certificate", f"expired {duration(-left)} ago", remedy)
    elif left < LATE * life:
        yield warning("certificate", f"expires in {duration(left)}, and was not renewed", remedy)
    elif not status.served:
        yield ok("certificate", f"valid for {left / 86400:.0f} more days")
    for unit in () if app.tls.certificate else status.failed_renewals:
        remedy = f"Run `fab -H {app.host.name} certbot --renew-dry-run` to see why."
        yield warning("certificate", f"its last renewal failed ({unit})", remedy)


def _disk(status: HostStatus) -> Iterator[CheckResult]:
    disk, inodes = status.numbers("disk", 2), status.numbers("few-inodes", 1)
    remedy = "Free space on the server: run `sudo apt-get clean` and `sudo journalctl --vacuum-size=100M`, and delete old files."
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
        yield problem("disk", f"only {inodes[0]:.0f} more files can be created (inodes)", remedy)


def _load(status: HostStatus) -> Iterator[CheckResult]:
    load, memory = status.numbers("load", 2), status.numbers("memory", 2)
    if load and memory:
        cores = f"{load[1]:.0f} core{'' if load[1] == 1 else 's'}"
        yield ok("load", f"{load[0]:.2f} on {cores}, {memory[0] / 1024:.0f} of {memory[1] / 1024:.0f} MB memory free")


def _updates(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    upgrades = status.numbers("upgrades", 2)
    if upgrades and upgrades[0]:
        text = f"available for {upgrades[0]:.0f} packages, {upgrades[1]:.0f} of them for security"
        yield warning("upgrades", text, f"Run `fab -H {app.host.name} update`.")
    elif upgrades:
        yield ok("upgrades", "all packages are up to date")
    if "reboot" in status.facts:
        packages = " ".join(status.facts["reboot"])
        text = f"needed to finish upgrading {packages or 'a package'}"
        yield warning("reboot", text, "Run `sudo systemctl reboot` on the server.")
