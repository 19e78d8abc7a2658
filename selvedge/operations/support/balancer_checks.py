"""Checks of a balancer's backends, and of a backend that is drained."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.host_status import HostStatus


def check_balancer(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Yield whether a balancer reaches its backends, and whether a backend takes the balancers' requests."""
    site = app.balancer_site
    if site and not is_set_up(status):
        yield problem("balancer", "the balancer is not set up", f"Run `fab -H {app.host.name} balancer`.")
    elif site:
        yield from _check_site(site, status)
    yield from _check_drained(app, status)


def is_set_up(status: HostStatus) -> bool:
    """Return whether nginx has the balancer's site."""
    return status.facts.get("balancer") != ["no"]


def _check_site(site: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Yield a problem if nginx does not answer for the balancer, and how each backend answers."""
    if status.facts.get("balancer", [])[:2] == ["yes", "0"]:
        remedy = f"Run `fab -H {site.host.name} doctor`, which checks nginx."
        yield problem("balancer", f"GET {site.health_url}: nginx does not answer", remedy)
    for name, address in site.backends.items():
        code = status.backends.get(name, 0)
        if any(first <= code <= last for first, last in site.health_ranges):
            yield ok("backend", f"{name} ({address}) answers {code}")
        elif code:
            yield problem("backend", f"{name} ({address}) answers {code}", f"Run `fab -H {name} status` to find the cause.")
        else:
            remedy = f"Run `fab -H {name} status`, which shows whether it is drained or down."
            yield warning("backend", f"{name} ({address}) does not answer, so the others get its requests", remedy)
    if not any(status.backends.values()):
        yield problem("backends", "none answers, so visitors see the maintenance page", "Run `fab status` on the backends.")


def _check_drained(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    state, others = status.facts.get("drained", []), status.facts.get("drained-with", [])
    command = f"fab -H {app.host.name} undrain"
    undrain = f"Run `{command}` when it shall take requests again."
    if state == ["drained"]:
        yield warning("drained", "refuses new requests of the balancers", undrain)
    elif state == ["drained", "run"]:
        problem = "refuses new requests of the balancers, because a run that had drained it is not finished"
        yield warning("drained", problem, f"If that run has ended, run its command again, or `{command}`.")
    elif state:
        yield warning("drained", "a drain was interrupted", f"Run `{command}`, or `drain` again.")
    if others:
        apps = " and ".join(others)
        because = f"{apps} {'is' if len(others) == 1 else 'are'} drained, on the same port"
        problem = f"refuses new requests of the balancers, because {because}"
        yield warning("drained", problem, f"Run `{command}` in the project of {apps} when they shall take requests again.")


def requests_of(app: Target, status: HostStatus) -> str:
    """Return which requests a host gets, or passes on: "drained", "from the balancer", "to 2 of 3"; "" without a balancer."""
    if site := app.balancer_site:
        answering = sum(1 for name in site.backends if status.backends.get(name)) if is_set_up(status) else 0
        return f"to {answering} of {len(site.backends)}"
    if not app.balancers:
        return ""
    return "drained" if is_drained(status) else "from the balancer"


def is_drained(status: HostStatus) -> bool:
    """Return whether a backend refuses its balancers, because of this app or of another one with the same port."""
    return bool(status.facts.get("drained") or status.facts.get("drained-with"))
