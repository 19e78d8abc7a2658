"""Test the renewal of certificates: `fab certbot --renew-dry-run`."""

from __future__ import annotations

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.resources.nginx.certbot import PROGRAMS
from selvedge.run import Run
from selvedge.shell.library import call


def rehearse(run: Run) -> None:
    """Make certbot test the renewal on each host and discard the result. Hosts without a certificate from certbot are skipped.

    Raises SelvedgeError if a test fails.
    """
    run.fleet.each(_rehearse)


def _rehearse(session: Session) -> None:
    app, name = session.target, session.name
    if not app.has_tls or app.tls.certificate:
        session.report.step(name, "certbot", "skipped: this host has no certificate from certbot")
        return
    session.report.step(name, "certbot", "testing the renewal of the certificate")
    words = (app.name, PROGRAMS[app.tls.certbot], app.tls.acme_server)
    shared = call("certbot_rehearse_site", *words, app.path_folder) if app.nginx.path else call("certbot_rehearse", *words)
    result = session.run(shared)
    lines = [line.strip() for line in result.output.splitlines() if line.strip(" -")]
    if result.status != 0:
        for line in lines:
            session.report.line(f"    {line}")
        raise SelvedgeError(
            f"{name}: the test of the certificate's renewal failed; certbot's output is above.",
            f"Run `fab -H {name} certbot`, which repairs the configuration of the renewal or reports what is wrong.",
        )
    session.report.step(name, "certbot", "certbot: all simulated renewals succeeded")
