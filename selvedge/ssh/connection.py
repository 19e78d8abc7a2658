"""A server: one SSH connection, over which scripts run as root."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future

import paramiko
from fabric import Config, Connection

from selvedge.config.hosts import Host
from selvedge.ssh import streams, sudo
from selvedge.ssh.failures import lost
from selvedge.ssh.known_hosts import HostKey
from selvedge.ssh.login import Logins
from selvedge.ssh.login_words import login_problem
from selvedge.ssh.payload import Payload
from selvedge.ssh.shells import Shells, in_background
from selvedge.value import Value


class Result(Value):
    """A script's exit status (-1: the connection was lost) and its output with its errors.

    If the lines were passed on while the script ran, `output` is only the end of it.
    """

    status: int
    output: str


class Credentials(Value):
    """The secrets of this run: the sudo password, "" if there is none."""

    sudo_password: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


class Remote:
    """A server, over one SSH connection that is opened when it is first needed.

    user: the user who logged in. execs: the number of commands sent. Users wait for round trips, so tests count them.
    proved: host keys that the server has named over this connection; a login accepts them before known_hosts has them.
    warn: gets sentences about ssh's files on this machine that are not fully usable.
    """

    def __init__(
        self, host: Host, config: Config, credentials: Credentials, warn: Callable[[str], None] = lambda _sentence: None
    ) -> None:
        self.host = host
        self.execs = 0
        self.user = ""
        self.proved: set[HostKey] = set()
        self._warn = warn
        self._config = config
        self._credentials = credentials
        self._shells: Shells | None = None
        self._ahead: Future[Shells] | None = None
        self._lock = threading.Lock()

    @property
    def connection(self) -> Connection:
        """The Fabric connection, logged in.

        Raises UnreachableError if the host does not answer, its key is not the known one, no login succeeds, or the
        connection was lost. It is not opened again: a new one would not hold the lock of the old one.
        """
        return self._open_shells().connection

    def _open_shells(self) -> Shells:
        with self._lock:
            if self._shells is None:
                self._shells = self._ahead.result() if self._ahead else self._log_in()
            if not self._shells.connection.is_connected:
                raise lost(self.host.name)
            return self._shells

    def connect(self) -> None:
        """Begin to log in, while this machine loads modules. Errors are raised when the connection is needed.

        The login and the first shell take seven round trips, 0.35 s at 50 ms.
        """
        if self._shells is None and self._ahead is None:
            self._ahead = in_background(self._log_in_ahead)

    def _log_in(self) -> Shells:
        connection = self.logins.log_in()
        self.user = str(connection.user)
        return Shells(self.host, connection, self._credentials.sudo_password)

    def _log_in_ahead(self) -> Shells:
        shells = self._log_in()
        # The first channel waits for the server's PAM session, which takes as long as the login.
        shells.open_first()
        return shells

    @property
    def logins(self) -> Logins:
        """How this machine logs in to the server."""
        return Logins(self.host, self._config, self._warn, self.proved)

    def run(
        self,
        script: str,
        payloads: Iterable[Payload] = (),
        on_line: Callable[[str], None] | None = None,
        more: bool = False,
    ) -> Result:
        """Run a POSIX sh script as root; it and the payloads are sent as standard input, never as arguments.

        on_line gets each line of output as it comes, without its line break. more: another script will follow. Raises
        UnreachableError if no connection can be made, SelvedgeError if the user may not use sudo. If the connection breaks
        while the script runs, the status is -1.
        """
        channel = self._start(script)
        if more:
            self._open_next_shell()
        # A script may end without reading all of its input.
        with contextlib.suppress(OSError):
            streams.send(channel, payloads)
        output = streams.receive(channel, on_line)
        status = channel.recv_exit_status()
        refused = sudo.refusal(self.host.name, self.user, status, output) or login_problem(self.host, self.user, status, output)
        if refused:
            raise refused
        return Result(status, output)

    def hold(self, script: str, mark: str) -> tuple[paramiko.Channel, str]:
        """Start a script whose standard input stays open; another script will follow.

        Return its channel and its answer: the rest of the first line that begins with `mark`, else the last line that came.
        """
        channel = self._start(script)
        self._open_next_shell()
        return channel, streams.read_answer(channel, mark)

    def open_channel(self, script: str, *, as_root: bool) -> paramiko.Channel:
        """Start a script whose standard input stays open, as root or as the login user. Return its channel.

        Raises UnreachableError. Its cause is a paramiko.ChannelException if the server opens no more channels on this
        connection (MaxSessions in sshd_config(5)).
        """
        shells = self._open_shells()
        return self._start(script, shells if as_root else Shells(self.host, shells.connection, as_root=False))

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that was not lost."""
        return self._shells is not None and bool(self._shells.connection.is_connected)

    def _start(self, script: str, shells: Shells | None = None) -> paramiko.Channel:
        data = script.encode("utf-8", "surrogateescape")
        shells = shells or self._open_shells()
        self.execs += 1
        channel = shells.take()
        # If sudo refuses, no one reads the script. The output then has sudo's reason.
        with contextlib.suppress(OSError):
            channel.sendall(b"%d\n" % len(data) + data)
        return channel

    def _open_next_shell(self) -> None:
        # Another thread may have closed the connection (Ctrl-C).
        shells = self._shells
        if shells is not None:
            shells.open_next()

    def alone(self) -> Remote:
        """Return the same server as its user only, not its bootstrap user, over a connection of its own."""
        return self.another(self.host.model_copy(update={"bootstrap_user": self.host.user}))

    def another(self, host: Host | None = None) -> Remote:
        """Return the same server, or these settings of it, over a connection of its own."""
        other = Remote(host or self.host, self._config, self._credentials, self._warn)
        other.proved = self.proved
        return other

    def close(self) -> None:
        """End the connection. Scripts that run whole on the server run on."""
        if self._shells is None and self._ahead and self._ahead.done() and not self._ahead.exception():
            self._shells = self._ahead.result()
        if self._shells is not None:
            self._shells.connection.close()
        self._shells = self._ahead = None
