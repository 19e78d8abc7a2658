"""The messages for connections that fail."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType

import paramiko
import pytest

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.ssh.connection import Remote
from selvedge.ssh.failures import unreachable
from tests.unit.ssh.sshd import Sshd

pytestmark = pytest.mark.programs


class FakeConnection:
    host, port, gateway, user = "192.0.2.1", 22, None, "deploy"
    connect_kwargs: Mapping[str, object] = MappingProxyType({})


FAILURES: list[tuple[Exception, str, str]] = [
    (socket.gaierror(-2, "Name not known"), "could not resolve the host name 192.0.2.1: Name not known", "hosts.web.address"),
    (ConnectionRefusedError(111, "x"), "192.0.2.1 port 22 refused the connection", "Check that the SSH server is running"),
    (TimeoutError("timed out"), "192.0.2.1 port 22 did not answer in time", "firewall"),
    (OSError(errno.EHOSTUNREACH, "x"), "could not reach 192.0.2.1 port 22: No route to host", "hosts.web.address"),
    (OSError(errno.ENETUNREACH, "x"), "could not reach 192.0.2.1 port 22: Network is unreachable", "Check your network"),
    (paramiko.SSHException("Error reading SSH protocol banner"), "Error reading SSH protocol banner", "ssh -v deploy@192.0.2.1"),
    (EOFError(), "the SSH connection to 192.0.2.1 port 22 failed: EOFError", "ssh -v deploy@192.0.2.1"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "remedy"), FAILURES, ids=lambda value: type(value).__name__)
def test_an_error_becomes_a_message(error: Exception, message: str, remedy: str, sshd: Sshd) -> None:
    del sshd  # for its HOME
    found = unreachable(Host(name="web", address="192.0.2.1"), FakeConnection(), error)  # type: ignore[arg-type]
    assert found.message.startswith("web: ") and message in found.message
    assert remedy in found.remedy
    assert found.status == 4


def test_a_closed_port(remote: Callable[..., Remote]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"web: 127\.0\.0\.1 port {port} refused the connection"):
        remote(port=port).run("true")


def test_another_program_than_sshd_answers(remote: Callable[..., Remote]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            client, _ = other.accept()
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(UnreachableError, match=r"web: the SSH connection to 127\.0\.0\.1 port \d+ failed: ") as caught:
            remote(port=other.getsockname()[1]).run("true")
    assert caught.value.remedy.startswith("Run `ssh -v -p ")
