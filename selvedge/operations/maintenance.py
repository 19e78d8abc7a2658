"""`fab maintenance --on` and `--off`: show visitors a page in place of the app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from selvedge.config.maintenance import LONGEST_RETRY, Admitted
from selvedge.config.target import Target
from selvedge.errors import UsageError
from selvedge.resources.base import Resource
from selvedge.resources.nginx.maintenance import maintained_sites, maintenance_files, maintenance_off, maintenance_on
from selvedge.run import Run
from selvedge.task import Step


def maintenance(run: Run, *, on: bool, off: bool, allow: str, retry_after: int, flags: Mapping[str, Any]) -> None:
    """Turn the maintenance page of every host on or off.

    allow: addresses, separated by commas, beside those of `maintenance.allow`. retry_after: in place of `maintenance.retry_after`,
    0 for none. Raises UsageError and ConfigError before a server is contacted, SelvedgeError.
    """
    if on == off:
        remedy = "Write `fab maintenance --on` or `fab maintenance --off`. `fab status` shows whether it is on."
        raise UsageError("`fab maintenance` needs one of the flags --on and --off.", remedy)
    if off and (allow or retry_after):
        raise UsageError("--allow and --retry-after go with --on only.", "Write `fab maintenance --off`.")
    admitted = _addresses(allow)
    if not 0 <= retry_after <= LONGEST_RETRY:
        problem = f"--retry-after must be from 1 to {LONGEST_RETRY} seconds, not {retry_after}."
        raise UsageError(problem, "For example: `--retry-after 600`.")
    targets = [session.target for session in run.fleet.sessions]
    if on:
        for app in targets:
            _check(run, app, admitted)
    run.chain([_step(admitted, retry_after) if on else _step_off()], flags)
    _name_other_balancers(run, targets, on=on, flags=flags)


def _addresses(text: str) -> list[str]:
    """Return the addresses of the flag --allow. Raises UsageError for text that is none."""
    found = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        try:
            found.append(TypeAdapter(Admitted).validate_python(word))
        except ValidationError as error:
            problem = str(error.errors()[0].get("ctx", {}).get("error", error.errors()[0]["msg"]))
            remedy = "Separate several by commas: `--allow 203.0.113.5,198.51.100.0/24`."
            raise UsageError(f"--allow {word!r} {problem}.", remedy) from None
    if text and not found:
        raise UsageError("--allow has no address.", "For example: `--allow 203.0.113.5`.")
    return found


def _site(app: Target) -> Target:
    """Return the site that visitors see on a host: a balancer's, or the app's."""
    return app.balancer_site or app


def _check(run: Run, app: Target, admitted: Sequence[str]) -> None:
    """Check a host and the settings. Raises UsageError for a backend, and ConfigError if the page cannot be read."""
    site, name = _site(app), app.host.name
    if app.balancers and not app.balancer_site:
        remedy = f"Run `fab -H {','.join(run.settings.balancer.hosts)} maintenance --on`."
        remedy += f" To keep requests away from one server: `fab -H {name} drain`."
        raise UsageError(f"{name} is a backend, so its balancer shows the page.", remedy)
    if admitted and site.tls.upstream and not site.nginx.trusted_proxies:
        problem = "--allow cannot work: all requests come from the load balancer in front (tls.upstream), and have its address."
        remedy = "Name it in nginx.trusted_proxies, and run `fab deploy`, so that nginx learns the visitors' addresses."
        raise UsageError(problem, remedy)
    list(maintenance_files(site, (), 1))


def _step(admitted: Sequence[str], retry_after: int) -> Step:
    def body(app: Target) -> Iterator[Resource]:
        site = _site(app)
        allow = (*site.maintenance.allow, *admitted)
        yield from maintenance_on(site, allow, retry_after or site.maintenance.retry_after)

    return Step(body, name="maintenance")


def _step_off() -> Step:
    def body(app: Target) -> Iterator[Resource]:
        for site in maintained_sites(app):
            yield from maintenance_off(site)

    return Step(body, name="maintenance")


def _name_other_balancers(run: Run, targets: Sequence[Target], *, on: bool, flags: Mapping[str, Any]) -> None:
    """Print which hosts still have the other state, if only some of several balancers were chosen, or only backends."""
    balancers = run.settings.balancer.hosts
    chosen = {app.host.name for app in targets}
    others = [name for name in balancers if name not in chosen]
    if others and not flags.get("script"):
        does = "still pass requests to the app" if on else "show the page if it was turned on there"
        command = f"fab -H {','.join(others)} maintenance --{'on' if on else 'off'}"
        run.report.line(f"The balancers {', '.join(others)} {does}: `{command}`.")
