"""`fab tunnel`: forward a port of this machine to a port or a socket of a server.

sshd of a hardened server forwards nothing, so a program at the other end of a channel connects there.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
from pathlib import Path

from selvedge.engine.script import script
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.each_host import only_host
from selvedge.operations.support.local_ports import HERE, HIGHEST_PORT, listen
from selvedge.report import Report
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.ssh import sudo
from selvedge.ssh.tunnel import Link, Links
from selvedge.value import Value

PROGRAM = Path(__file__).parents[1] / "shell" / "server" / "tunnel.py"
_NETWORK = re.compile(r"(?:(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>\d{1,5})")
_POSTGRES = re.compile(r"/\.s\.PGSQL\.(\d{1,5})$")
"""PostgreSQL's sockets: their names end with the port (https://www.postgresql.org/docs/current/runtime-config-connection.html)."""


class Place(Value):
    """Where a tunnel leads to on the server: words for the server's program, and words for people. port: 0 if it has none."""

    words: tuple[str, ...]
    shown: str
    port: int = 0

    @classmethod
    def of(cls, port: int, to: str) -> Place:
        """Return the place that --port or --to names. Raises UsageError."""
        if bool(port) == bool(to):
            raise UsageError(
                "fab tunnel needs either --port or --to." if not to else "--port and --to both say where the tunnel leads to.",
                "For a port of the server: `fab tunnel --port 5432`. For another port on this machine, add `--local 15432`. "
                "For a socket: `fab tunnel --to /run/postgresql/.s.PGSQL.5432`.",
            )
        if to.startswith("/"):
            found = _POSTGRES.search(to)
            return cls((to,), to, int(found[1]) if found else 0)
        match = _NETWORK.fullmatch(to or str(port))
        if not match or not 1 <= int(match["port"]) <= HIGHEST_PORT:
            raise UsageError(
                f"{f'--to {to}' if to else f'--port {port}'} is not a place on the server.",
                f"Use a port from 1 to {HIGHEST_PORT}, a host with a port such as db.internal:5432, or the whole path of a socket.",
            )
        host, number = match["host"], int(match["port"])
        return cls((host.strip("[]") if host else "localhost", str(number)), to if host else f"port {number}", number)


def tunnel(run: Run, *, port: int = 0, to: str = "", local: int = 0, user: str = "") -> None:
    """Pass the connections to a port of this machine on to a place on the only host of the run, until Ctrl-C.

    Raises UsageError for several hosts, a place that cannot be, and a local port that is in use; UnreachableError;
    SelvedgeError if the server cannot connect to the place when the tunnel begins.
    """
    place = Place.of(port, to)
    session = only_host(run, "tunnel")
    with listen(local or place.port, "--local") as listening:
        links = Links(session.remote)
        try:
            opened = Tunnel(session, links, place, user)
            opened.check()
            address = f"{HERE}:{listening.getsockname()[1]}"
            run.report.line(f"{session.name}: {address} leads to {place.shown} on the server, until you press Ctrl-C.")
            opened.accept(listening)
        except KeyboardInterrupt:
            run.report.line()
        finally:
            links.close()


class Tunnel:
    """Connects local connections with a place on a server. user: who connects there, "" for the login user."""

    def __init__(self, session: Session, links: Links, place: Place, user: str) -> None:
        self._name = session.name
        self._login = session.remote.connection.user
        self._mark = session.mark
        self._report: Report = session.report
        self._links = links
        self._place = place
        self._user = "" if user == self._login else user
        opened = call("tunnel_open", PROGRAM.read_text(encoding="utf-8"), *place.words, account=self._user)
        self._script = script(f"main() {{\n{opened}\n}}", "main", mark=self._mark)
        self._error = ""

    def check(self) -> None:
        """Connect once. Raises SelvedgeError, which says why that is not possible."""
        self._open().close()

    def accept(self, listening: socket.socket) -> None:
        """Serve all connections to a listening socket, each in a thread. Raises OSError when it is shut down."""
        while True:
            local, _ = listening.accept()
            threading.Thread(target=self.serve, args=(local,), daemon=True).start()

    def serve(self, local: socket.socket) -> None:
        """Serve one local connection to its end. Print an error, but not the same one again and again."""
        try:
            link = self._open()
        except SelvedgeError as error:
            local.close()
            self._print(error)
            return
        self._error = ""
        if not link.carry(local) and link.is_lost and not self._links.ended:
            self._print(
                SelvedgeError(
                    f"{self._name}: the SSH connection was lost, and with it the connections through the tunnel.",
                    "The tunnel stays: the next connection to it logs in again.",
                )
            )

    def _print(self, error: SelvedgeError) -> None:
        if str(error) != self._error:
            self._error = str(error)
            self._report.error(error)

    def _open(self) -> Link:
        """Return a channel that is connected with the place. Raises SelvedgeError."""
        link = self._links.open(self._script, f"{self._mark} ", as_root=bool(self._user))
        if link.answer == "ok":
            return link
        link.close()
        raise sudo.refusal(self._name, self._login, 1, link.answer) or self._refusal(link.answer)

    def _refusal(self, answer: str) -> SelvedgeError:
        """Return the error for an answer of the server's program, or for the last line of a login that did not start it."""
        name, shown, user = self._name, self._place.shown, self._user or self._login
        if answer == "no python3":
            return SelvedgeError(f"{name}: a tunnel needs python3 on the server.", f"Install it: `fab -H {name} install`.")
        if answer == "no user":
            return SelvedgeError(f"{name}: there is no user {user} on the server.", "Correct --user.")
        if answer == os.strerror(errno.EACCES):
            remedy = "Name a user who may, for example the app's or the service's own: `--user postgres`."
            return SelvedgeError(f"{name}: {user} may not connect to {shown}: {answer}.", remedy)
        listed = "`ss -lx`" if shown.startswith("/") else "`ss -ltn`"
        remedy = f"Check that the service runs: {listed} on the server (`fab -H {name} ssh`) lists where programs listen."
        return SelvedgeError(f"{name}: the server could not connect to {shown}: {answer or 'it gave no reason'}.", remedy)
