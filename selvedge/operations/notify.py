"""`fab notify`: send a test message from this machine, and from each server that sends messages."""

from __future__ import annotations

from selvedge.config.secret_names import NOTIFY_URLS
from selvedge.engine.session import Session
from selvedge.engine.workstation import who
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.operations.support.each_host import line_prefix, on_each_host, raise_first_error
from selvedge.operations.support.text import clean
from selvedge.release.notify import Message, addresses, check, send
from selvedge.run import Run
from selvedge.shell.library import call


def notify(run: Run) -> None:
    """Send a test message from this machine; with `notify.from_servers`, also from each host. Print what became of them.

    Raises ConfigError without addresses, before any connection; SelvedgeError if a message did not arrive, after all were tried.
    """
    passwords = run.fleet.sessions[0].target.passwords
    urls = addresses(passwords)
    if not urls:
        remedy = f"Add it to .env beside hosts.toml, which git must not have: `{NOTIFY_URLS}=\"…\"`."
        raise ConfigError("environment", NOTIFY_URLS, "the addresses of the messages are missing", remedy)
    check(passwords)
    name = run.settings.app.name
    problems = send(urls, Message(f"{name}: a test", f"Messages from this machine arrive.\nfab notify by {who()}", "success"))
    for problem in problems:
        run.report.warning(problem)
    if len(problems) < len(urls):
        run.report.line(f"This machine: sent to {len(urls) - len(problems)} of {_counted(len(urls))}.")
    _from_servers(run)
    if problems:
        raise SelvedgeError("A test message from this machine did not arrive; apprise's words are above.", "Correct the address.")


def _from_servers(run: Run) -> None:
    if not any(session.target.notify.from_servers for session in run.fleet.sessions):
        run.report.line("The servers send no messages: set `from_servers = true` in [notify] if they should.")
        return
    raise_first_error(run, on_each_host(run, lambda session: _test(run, session)))


def _test(run: Run, session: Session) -> None:
    host, app = session.name, session.target.balancer_site or session.target
    result = session.run(call("messages_test", who(), app=app.name))
    lines = [line for line in result.output.splitlines() if line.strip()]
    mark, status = (lines.pop().split()[-2:] if lines else ["", ""])
    if mark != session.mark:
        raise session.lost("while it sent a message")
    if status == "absent":
        # The server with everyone's Prometheus need not run the app.
        chain = "setup" if session.target.metrics.server == host else "deploy"
        raise SelvedgeError(f"{host}: the messages are not set up on the server.", f"Run `fab -H {host} {chain}` first.")
    for line in lines:
        run.report.line(line_prefix(run, host) or f"{host}: ", clean(line))
    if status != "0":
        remedy = f"Correct the address, or the server's network. `sudo journalctl -t selvedge-notify` on {host} shows all messages."
        raise SelvedgeError(f"{host}: the test message did not arrive; apprise's words are above.", remedy)


def _counted(number: int) -> str:
    return f"{number} address{'' if number == 1 else 'es'}"
