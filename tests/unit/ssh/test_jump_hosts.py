"""Connections through jump hosts and ProxyCommands."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from selvedge.errors import UnreachableError, UsageError
from selvedge.ssh.connection import Remote
from selvedge.ssh.login import gateways
from tests.unit.ssh.sshd import Sshd, print_of

pytestmark = pytest.mark.programs


class JumpHost(Sshd):
    """A server that passes connections on to the loopback interface."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.passed: list[tuple[str, int]] = []

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        del origin
        self.passed.append(destination)
        target = socket.create_connection(("127.0.0.1", destination[1]))
        threading.Thread(target=self._pass_on, args=(chanid, target), daemon=True).start()
        return paramiko.OPEN_SUCCEEDED

    def _pass_on(self, chanid: int, target: socket.socket) -> None:
        channel = self.transports[-1].accept(5)
        assert channel is not None and channel.get_id() == chanid

        def copy(source: socket.socket | paramiko.Channel, sink: socket.socket | paramiko.Channel) -> None:
            with contextlib.suppress(OSError, EOFError):
                while data := source.recv(1 << 15):
                    sink.sendall(data)
            with contextlib.suppress(OSError, EOFError):
                sink.close()

        threading.Thread(target=copy, args=(channel, target), daemon=True).start()
        copy(target, channel)


@pytest.fixture
def jumps(sshd: Sshd, tmp_path: Path) -> Iterator[list[JumpHost]]:
    del sshd  # for its HOME
    hosts = []
    for name in ("outer", "inner"):
        (tmp_path / name).mkdir()
        hosts.append(JumpHost(tmp_path / name))
        hosts[-1].users = ["gate"]
    yield hosts
    for host in hosts:
        host.close()


def configure(text: str) -> None:
    Path("~/.ssh/config").expanduser().write_text(text)


def section(name: str, host: JumpHost, more: str = "") -> str:
    return (
        f"Host {name}\n  HostName 127.0.0.1\n  Port {host.port}\n  User gate\n  IdentityFile {host.key_file}\n"
        f"  IdentitiesOnly yes\n  HostKeyAlias {name}\n{more}"
    )


def trust(**servers: paramiko.PKey) -> None:
    lines = [f"{name} {key.get_name()} {key.get_base64()}\n" for name, key in servers.items()]
    Path("~/.ssh/known_hosts").expanduser().write_text("".join(lines))


def test_two_jump_hosts_in_the_order_of_the_line(sshd: Sshd, remote: Callable[..., Remote], jumps: list[JumpHost]) -> None:
    outer, inner = jumps
    configure(section("outer", outer) + section("inner", inner) + "Host 127.0.0.1\n  ProxyJump outer,inner\n")
    trust(outer=outer.host_key, inner=inner.host_key)
    sshd.users = ["deploy"]
    assert remote().connection.is_connected
    assert outer.passed == [("127.0.0.1", inner.port)] and inner.passed == [("127.0.0.1", sshd.port)]


def test_a_jump_host_has_a_jump_host_of_its_own(sshd: Sshd, remote: Callable[..., Remote], jumps: list[JumpHost]) -> None:
    outer, inner = jumps
    text = section("outer", outer) + section("inner", inner, "  ProxyJump outer\n") + "Match host 127.0.0.1 user root,deploy\n"
    configure(text + "  ProxyJump inner\n")
    trust(outer=outer.host_key, inner=inner.host_key)
    assert remote().run("echo in").output == "in\n"
    assert inner.passed[-1] == ("127.0.0.1", sshd.port)


def test_the_key_of_each_jump_host_is_checked(remote: Callable[..., Remote], jumps: list[JumpHost]) -> None:
    outer, inner = jumps
    configure(section("outer", outer) + section("inner", inner) + "Host 127.0.0.1\n  ProxyJump outer,inner\n")
    trust(outer=outer.host_key)
    with pytest.raises(UnreachableError, match=r"the jump host inner is not known yet") as caught:
        remote().run("true")
    assert print_of(inner.host_key) in caught.value.message and "`fab -H inner trust`" in caught.value.remedy
    trust(outer=outer.host_key, inner=paramiko.ECDSAKey.generate())
    with pytest.raises(UnreachableError, match=r"HAS CHANGED\. It is the jump host inner"):
        remote().run("true")


def test_the_connections_to_jump_hosts_are_closed(
    sshd: Sshd, remote: Callable[..., Remote], jumps: list[JumpHost]
) -> None:
    outer, inner = jumps
    configure(section("outer", outer) + section("inner", inner) + "Host 127.0.0.1\n  ProxyJump outer,inner\n")
    trust(outer=outer.host_key, inner=inner.host_key)
    sshd.users = ["deploy"]
    one = remote()
    path = [one.connection, *gateways(one.connection)]
    outer.cut()
    one.close()
    assert len(path) == 3 and not any(each.is_connected for each in path)


def test_a_jump_host_that_rejects_the_login_is_named(remote: Callable[..., Remote], jumps: list[JumpHost]) -> None:
    outer, inner = jumps
    configure(section("outer", outer) + section("inner", inner) + "Host 127.0.0.1\n  ProxyJump outer,inner\n")
    trust(outer=outer.host_key, inner=inner.host_key)
    inner.users = []
    with pytest.raises(UnreachableError, match="web: the jump host inner rejected the login as gate") as caught:
        remote().run("true")
    assert str(inner.key_file) in caught.value.message and "IdentityFile in ~/.ssh/config" in caught.value.remedy


def test_a_loop_of_jump_hosts_is_wrong_usage(remote: Callable[..., Remote], jumps: list[JumpHost]) -> None:
    configure("Host *\n  ProxyJump gate\n" + section("gate", jumps[0]))
    with pytest.raises(UsageError, match="form a loop: gate is reached through itself"):
        remote().run("true")


NETCAT = (
    "import os,socket,threading; s=socket.create_connection(('%h',%p)); "
    "threading.Thread(target=lambda: [s.sendall(d) for d in iter(lambda: os.read(0,9999), b'')], daemon=True).start(); "
    "[os.write(1,d) for d in iter(lambda: s.recv(9999), b'')]"
)


def test_a_proxy_command_runs_in_a_shell(remote: Callable[..., Remote]) -> None:
    configure(f'Host 127.0.0.1\n  ProxyCommand python3 -c "{NETCAT}" 2>/dev/null\n')
    one = remote()
    assert one.run("echo in").output == "in\n"
    process = one.connection.connect_kwargs["sock"].process
    one.close()
    assert process.wait(5) is not None


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("no-such-program %h", "no-such-program: not found"),
        ("echo 'proxy: access denied' >&2; exit 1", "proxy: access denied"),
    ],
)
def test_the_words_of_a_failed_proxy_command_are_shown(remote: Callable[..., Remote], command: str, says: str) -> None:
    configure(f"Host 127.0.0.1\n  ProxyCommand sh -c \"{command}\"\n")
    with pytest.raises(UnreachableError, match="the ProxyCommand of ssh's configuration failed: ") as caught:
        remote().run("true")
    assert says in caught.value.message
