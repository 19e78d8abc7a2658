"""The one module that talks SSH: one connection a host, a script an exec, keys checked, errors in plain words."""

from __future__ import annotations

import codecs
import contextlib
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import paramiko
from fabric import Config, Connection

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.ssh import host_keys, sudo
from selvedge.ssh.failures import CONNECT_TIMEOUT, lost, open_socket, ssh_command, unreachable
from selvedge.ssh.payload import Payload, open_payload
from selvedge.value import Value

T = TypeVar("T")
CHANNEL_TIMEOUT = 30.0
"""Seconds until the server must have opened a channel on a connection that stands."""
LONGEST_LINE = 1 << 20
"""Characters; more of a server's output without an end of line is taken as a line."""


class Result(Value):
    """What a script did: its exit status (-1: the connection was lost) and its output, errors among it (only the end of
    it, where it was handed on line by line)."""

    status: int
    output: str


class Credentials(Value):
    """Secrets for this run only: the sudo password and a login password or passphrase typed at a prompt."""

    sudo_password: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


class Remote:
    """A server, over one SSH connection that is opened at the first need.

    execs counts the commands that were sent: round trips are the cost that users feel, and tests count them.
    """

    def __init__(self, host: Host, config: Config, credentials: Credentials) -> None:
        self.host = host
        self.execs = 0
        self.user = ""
        self._config = config
        self._credentials = credentials
        self._connection: Connection | None = None
        self._ahead: Future[tuple[Connection, paramiko.Channel]] | None = None
        self._shell: Future[paramiko.Channel] | None = None
        self._login = threading.Lock()

    @property
    def connection(self) -> Connection:
        """The Fabric connection, logged in.

        Raises UnreachableError where the host does not answer, its key is not the known one, no login succeeds, or the
        connection was lost: a new one would not hold the lock of the old one.
        """
        with self._login:
            if self._connection is None and self._ahead is not None:
                self._connection, channel = self._ahead.result()
                self._shell = Future()
                self._shell.set_result(channel)
            if self._connection is None:
                self._connection = self.login()
            if not self._connection.is_connected:
                raise lost(self.host.name)
            return self._connection

    def connect(self) -> None:
        """Begin to log in, while this machine is busy with other things; what goes wrong is raised at the first need."""
        if self._connection is None and self._ahead is None:
            self._ahead = _begin(self._connect_ahead)

    def _connect_ahead(self) -> tuple[Connection, paramiko.Channel]:
        connection = self.login()
        # The first channel waits for what the server does at a login (PAM), which takes as long as the login itself.
        return connection, self._open_shell(connection)

    def _open_shell(self, connection: Connection) -> paramiko.Channel:
        """A shell of root's on the server, which waits for a script."""
        command, preface = sudo.command(self.user, self._credentials.sudo_password)
        try:
            channel: paramiko.Channel = connection.transport.open_session(timeout=CHANNEL_TIMEOUT)
            channel.set_combine_stderr(True)
            channel.exec_command(command)
            channel.sendall(preface)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise unreachable(self.host, connection, error) from error
        return channel

    def _open_next(self) -> None:
        """Open the shell of the next script while this one runs: two round trips, and the start of sudo."""
        with self._login:
            connection = self._connection
            if connection is not None and self._shell is None:
                self._shell = _begin(lambda: self._open_shell(connection))

    def login(self) -> Connection:
        """A fresh connection: as the host's user, or its bootstrap user where that one cannot log in yet."""
        users = list(dict.fromkeys(filter(None, [self.host.user, self.host.bootstrap_user])))
        for user in users:
            connection = self._connect(user)
            if connection is not None:
                self.user = user
                return connection
        raise self._refused(users)

    def unopened(self, user: str) -> Connection:
        """The Fabric connection as `user`, with all that ssh_config says of the host, before it is opened."""
        key = str(Path(self.host.key).expanduser()) if self.host.key else ""
        timeouts = {"banner_timeout": CONNECT_TIMEOUT, "auth_timeout": 30, "channel_timeout": CHANNEL_TIMEOUT}
        # What Fabric's own flags asked for stands there: --prompt-for-passphrase, --prompt-for-login-password, -i.
        kwargs: dict[str, Any] = {**self._config.connect_kwargs, **timeouts}
        if key:
            kwargs |= {"key_filename": key, "allow_agent": False, "look_for_keys": False}
        return Connection(
            self.host.address or self.host.name, user=user, port=self.host.port, config=self._config, connect_kwargs=kwargs
        )

    def _connect(self, user: str) -> Connection | None:
        connection = self.unopened(user)
        try:
            host_keys.require_known(connection, self.host)
            self._reach(connection)
            connection.open()
        except (OSError, paramiko.SSHException) as error:
            transport = connection.client.get_transport()
            # Of a refused RSA or ECDSA key paramiko says that it is no Ed25519 key, which it tries last.
            tried = type(error) is paramiko.SSHException and transport is not None and transport.is_active()
            connection.close()
            if tried or isinstance(error, paramiko.AuthenticationException):
                return None
            raise unreachable(self.host, connection, error) from error
        for each in (connection, *host_keys.gateways(connection)):
            each.transport.set_keepalive(5)
        return connection

    def _reach(self, connection: Connection) -> None:
        """A socket of our own for the first server on the way: to this one, or to that of the outermost ProxyJump."""
        first = [connection, *host_keys.gateways(connection)][-1]
        if first.gateway:
            return  # a ProxyCommand makes its own way
        try:
            first.connect_kwargs["sock"] = open_socket(first.host, first.port)
        except OSError as error:
            raise unreachable(self.host, first, error) from error

    def _refused(self, users: list[str]) -> UnreachableError:
        key = self.host.key or "the agent's keys and those in ~/.ssh"
        return UnreachableError(
            f"{self.host.name}: the server refused the login as {' and as '.join(users)} with {key}.",
            f"Try `{ssh_command(self.host, users[-1])}`; if that fails too, put the public half of your "
            "key into that user's ~/.ssh/authorized_keys on the server, or name the right key in hosts.toml "
            f"(hosts.{self.host.name}.key). A passphrase: fab --prompt-for-passphrase. "
            "After many failed logins fail2ban may hold your address off for ten minutes.",
        )

    def run(
        self,
        script: str,
        payloads: Iterable[Payload] = (),
        on_line: Callable[[str], None] | None = None,
        more: bool = False,
    ) -> Result:
        """Run a POSIX sh script as root; it and the payloads travel by standard input, never as arguments.

        on_line gets each line of output as it comes, without its end. more: another script follows in any case. Raises
        UnreachableError where no connection can be made, SelvedgeError where the login user may not use sudo; a connection
        lost on the way gives status -1.
        """
        channel = self._start(script)
        if more:
            self._open_next()
        try:
            for payload in payloads:
                with open_payload(payload) as source:
                    shutil.copyfileobj(source, _Writer(channel), 1 << 18)
            channel.shutdown_write()
        except OSError:
            pass
        output = _receive(channel, on_line)
        status = channel.recv_exit_status()
        if refused := sudo.refusal(self.host.name, self.user, status, output):
            raise refused
        return Result(status, output)

    def hold(self, script: str, mark: str) -> tuple[paramiko.Channel, str]:
        """Start a script whose standard input stays open; another script will follow in any case.

        Return its channel and the rest of the first line that begins with `mark`: a login's own files (~/.bashrc) may print
        lines before it. If no line does, return the last line that came.
        """
        channel = self._start(script)
        self._open_next()
        said = ""
        while line := _read_line(channel):
            if line.startswith(mark):
                return channel, line.removeprefix(mark).rstrip("\n")
            said = line.strip() or said
        return channel, said

    def _start(self, script: str) -> paramiko.Channel:
        data = script.encode("utf-8", "surrogateescape")
        connection = self.connection
        self.execs += 1
        with self._login:
            ahead, self._shell = self._shell, None
        # A server may allow fewer channels at a time, or end those in which nothing happens.
        channel = ahead.result() if ahead and not ahead.exception() else None
        channel = channel if channel and not channel.closed else self._open_shell(connection)
        # Where sudo refuses, nobody reads it; the shell's output says why.
        with contextlib.suppress(OSError):
            channel.sendall(b"%d\n" % len(data) + data)
        return channel

    def alone(self) -> Remote:
        """The same server as the host's user and nobody else, over a connection of its own that is not open yet."""
        return Remote(self.host.model_copy(update={"bootstrap_user": self.host.user}), self._config, self._credentials)

    def close(self) -> None:
        """End the connection; whatever runs whole on the server runs on."""
        if self._connection is None and self._ahead and self._ahead.done() and not self._ahead.exception():
            self._connection = self._ahead.result()[0]
        if self._connection is not None:
            self._connection.close()
        self._connection = self._ahead = None


def _begin(work: Callable[[], T]) -> Future[T]:
    """Do the work in a thread that no end of this process waits for."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


class _Writer:
    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def write(self, data: bytes) -> int:
        self._channel.sendall(data)
        return len(data)


def _read_line(channel: paramiko.Channel) -> str:
    """Return the next line with its end, "" at the end of the output."""
    line = b""
    while not line.endswith(b"\n") and (piece := channel.recv(1)):
        line += piece
    return line.decode("utf-8", "replace")


def _receive(channel: paramiko.Channel, on_line: Callable[[str], None] | None) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    # What is read line by line may go on for days: only its end is kept, for the reason of a failure.
    pieces: deque[str] = deque(maxlen=None if on_line is None else 4)
    rest = ""
    while data := channel.recv(1 << 16):
        text = decoder.decode(data)
        pieces.append(text)
        if on_line is not None:
            *lines, rest = (rest + text).split("\n")
            # Without an end it would only grow.
            if len(rest) > LONGEST_LINE:
                lines.append(rest)
                rest = ""
            for line in lines:
                on_line(line)
    if on_line is not None and rest:
        on_line(rest)
    return "".join(pieces)
