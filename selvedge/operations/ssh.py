"""`fab ssh`: log in with the system's ssh and the settings of hosts.toml."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import NoReturn

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.operations.support.each_host import only_host
from selvedge.run import Run


def ssh(run: Run) -> None:
    """Replace this process with ssh to the only host of the run, as a user that can log in there.

    Raises UsageError for several hosts, SelvedgeError if ssh is not installed, UnreachableError if no login succeeds or
    the host key is not the known one.
    """
    replace(only_host(run, "ssh"))


def replace(session: Session, login: str = "") -> NoReturn:
    """Replace this process with ssh to the host of the session.

    login: the line of shell that it runs there, at a terminal if standard input is one; without it, a login shell. Raises as `ssh`.
    """
    program = shutil.which("ssh")
    if program is None:
        raise SelvedgeError("ssh is not installed on your machine.", "Install it: `sudo apt-get install openssh-client`.")
    first, *arguments = command(session)
    if login:
        arguments = [*(["-t"] if sys.stdin.isatty() else []), *arguments, login]
    session.remote.close()
    sys.stdout.flush()
    os.execv(program, [first, *arguments])


def command(session: Session) -> list[str]:
    """Return the command line of ssh. Logs in once, to find the user that can log in and the key that the server shows."""
    host = session.target.host
    connection = session.remote.connection
    logins = session.remote.logins
    words = ["ssh", *(["-F", logins.configuration] if logins.configuration else []), "-l", session.remote.user]
    if host.port:
        words += ["-p", str(host.port)]
    if host.key:
        words += ["-i", _literal(host.key), "-o", "IdentitiesOnly=yes"]
    if host.host_key:
        key = connection.transport.get_remote_server_key()
        # %H is the name that ssh looks the key up by. It reads no file: only the pinned key is right.
        words += _options(
            KnownHostsCommand=f"/bin/echo %H {key.get_name()} {key.get_base64()}",
            UserKnownHostsFile="none",
            GlobalKnownHostsFile="none",
            StrictHostKeyChecking="yes",
        )
    elif host.known_hosts:
        files = logins.settings(session.remote.user).user_known_hosts
        words += _options(UserKnownHostsFile=" ".join(f'"{_literal(str(file))}"' for file in files))
    return [*words, "--", host.address or host.name]


def _options(**values: str) -> Sequence[str]:
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


def _literal(path: str) -> str:
    """Return the path with the tokens of ssh_config(5) escaped."""
    return path.replace("%", "%%")
