"""Rehearse the renewal of certificates: `fab certbot --renew-dry-run`."""

from __future__ import annotations

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.resources.nginx.certbot import PROGRAMS
from selvedge.run import Run
from selvedge.shell.library import call


def rehearse(run: Run) -> None:
    """Make certbot rehearse the renewal on each host, and keep nothing of it. Hosts without a certificate by certbot are skipped.

    Raises SelvedgeError if a rehearsal fails.
    """
    run.fleet.each(_rehearse)


def _rehearse(session: Session) -> None:
    app, name = session.target, session.name
    if not app.has_tls or app.tls.certificate:
        session.report.step(name, "certbot", "no certificate by certbot: nothing to rehearse")
        return
    session.report.step(name, "certbot", "rehearsing the renewal")
    result = session.run(call("certbot_rehearse", app.name, PROGRAMS[app.tls.certbot], app.tls.acme_server))
    lines = [line.strip() for line in result.output.splitlines() if line.strip(" -")]
    if result.status != 0:
        for line in lines:
            session.report.line(f"    {line}")
        raise SelvedgeError(
            f"{name}: the rehearsal of the renewal failed.",
            f"`fab -H {name} certbot` checks DNS and port 80, and mends what it finds changed.",
        )
    session.report.step(name, "certbot", "certbot: all simulated renewals succeeded")
