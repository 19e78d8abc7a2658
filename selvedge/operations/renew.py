"""A rehearsal of a certificate's renewal: `fab certbot --renew-dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.errors import SelvedgeError

if TYPE_CHECKING:
    from selvedge.engine.session import Session
    from selvedge.run import Run


def rehearse(run: Run) -> None:
    """Let certbot renew the certificate of each host against the authority, keeping nothing of it.

    Raises SelvedgeError where that fails; hosts without a certificate by certbot are named and passed over.
    """
    run.fleet.each(_rehearse)


def _rehearse(session: Session) -> None:
    from selvedge.engine.plan import HEAD
    from selvedge.resources.certificate import PROGRAMS
    from selvedge.shell import library, words

    app, name = session.target, session.name
    if not app.domains or app.tls.upstream or app.tls.certificate:
        session.report.step(name, "certbot", "no certificate by certbot: nothing to rehearse")
        return
    session.report.step(name, "certbot", "rehearsing the renewal")
    call = f"certbot_rehearse {words(app.name, PROGRAMS[app.tls.certbot], app.tls.acme_server)}"
    result = session.remote.run(f"{HEAD}{library('certbot')}\nmain() {{\n{call}\n}}\nmain </dev/null 2>&1\n")
    lines = [line.strip() for line in result.output.splitlines() if line.strip(" -")]
    if result.status != 0:
        for line in lines:
            session.report.line(f"    {line}")
        raise SelvedgeError(
            f"{name}: the rehearsal of the renewal failed.",
            f"`fab -H {name} certbot` checks DNS and port 80, and mends what it finds changed.",
        )
    session.report.step(name, "certbot", "certbot: all simulated renewals succeeded")
