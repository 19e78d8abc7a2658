"""The connection: scripts, payloads and their output."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from selvedge.errors import UnreachableError
from selvedge.ssh.connection import Remote
from selvedge.ssh.tcp import open_socket
from tests.unit.ssh.sshd import Sshd

pytestmark = pytest.mark.programs


def test_the_next_shell_opens_while_a_script_runs(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    one = remote()
    one.run("sleep 0.3", more=True)
    assert len(sshd.commands) == 2
    assert one.run("echo next").output == "next\n"
    assert len(sshd.commands) == 2 == one.execs
    assert one.run("echo last").output == "last\n"
    assert len(sshd.commands) == 3 == one.execs


def test_an_ended_shell_is_opened_again(remote: Callable[..., Remote]) -> None:
    one = remote()
    one.run("sleep 0.3", more=True)
    one._shells._next.result().close()
    assert one.run("echo next").output == "next\n"


def test_a_server_may_allow_one_channel_only(
    sshd: Sshd, remote: Callable[..., Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = remote()
    requests = iter([paramiko.OPEN_SUCCEEDED, paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, paramiko.OPEN_SUCCEEDED])
    monkeypatch.setattr(sshd, "check_channel_request", lambda _kind, _id: next(requests))
    channel, line = one.hold("echo held; cat", "")
    assert line == "held" and isinstance(one._shells._next.exception(timeout=5), UnreachableError)
    assert one.run("echo next").output == "next\n"
    channel.close()


def test_a_script_returns_its_output_and_status(remote: Callable[..., Remote]) -> None:
    one = remote()
    result = one.run("echo out; echo err >&2; exit 7")
    assert (result.status, sorted(result.output.split())) == (7, ["err", "out"])
    assert one.run("exit 0").status == 0
    assert (one.user, one.execs) == ("root", 2)


def test_no_argument_contains_a_script_or_payload(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path) -> None:
    (tmp_path / "pack").write_bytes(b"\0\1\xff" * 100_000)
    script = f"# {'x' * 300_000}\nhead -c 9 | cksum; cksum; ps -o args= -p $$"
    result = remote().run(script, [b"c4nary\0\r\n", tmp_path / "pack"])
    sums = [line.split()[:2] for line in result.output.splitlines()[:2]]
    expected = [subprocess.run(["cksum"], input=data, capture_output=True, check=True).stdout.decode().split()
                for data in (b"c4nary\0\r\n", b"\0\1\xff" * 100_000)]  # fmt: skip
    assert sums == expected
    assert "c4nary" not in result.output
    (command,) = sshd.commands
    assert len(command) < 100 and "c4nary" not in command


def test_a_script_that_reads_nothing_does_not_wait_for_its_payload(remote: Callable[..., Remote]) -> None:
    assert remote().run("echo done", [b"x" * 500_000]).output == "done\n"


def test_lines_arrive_when_they_are_printed(remote: Callable[..., Remote]) -> None:
    found: list[tuple[str, float]] = []
    result = remote().run(
        "printf 'one\\ntwo'; sleep 0.4; printf ' more\\n\\nlast'", on_line=lambda line: found.append((line, time.monotonic()))
    )
    assert [line for line, _ in found] == ["one", "two more", "", "last"]
    assert found[1][1] - found[0][1] > 0.2, "the first line was held back"
    assert result.output == "one\ntwo more\n\nlast"


def test_binary_output_and_long_lines_arrive(remote: Callable[..., Remote]) -> None:
    script = "printf '\\377\\n'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\\n\\0\\033[2J\\303'; sleep 0.1; printf '\\244\\n'"
    found: list[str] = []
    result = remote().run(script, on_line=found.append)
    assert [line[:9] for line in found] == ["\udcff", "xxxxxxxxx", "\0\033[2Jä"] and len(found[1]) == 1_000_000
    assert result.status == 0


def test_an_endless_line_is_delivered_in_parts(remote: Callable[..., Remote]) -> None:
    found: list[str] = []
    remote().run("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end", on_line=found.append)
    assert "".join(found) == 5_000_000 * "x" + "end" and found[-1] == "end"
    assert max(map(len, found)) < 2_000_000


def test_a_lost_connection_has_status_minus_one(remote: Callable[..., Remote]) -> None:
    one = remote()
    result = one.run("echo before; sleep 0.1; echo CUT HERE; sleep 5")
    assert (result.status, result.output) == (-1, "before\n")
    # A new connection would not have the lock.
    with pytest.raises(UnreachableError, match="the connection was lost"):
        one.run("echo again")


def test_a_held_script_lives_as_long_as_its_channel(remote: Callable[..., Remote], tmp_path: Path) -> None:
    one = remote()
    channel, line = one.hold(f"echo held; cat >/dev/null; touch {tmp_path}/ended", "")
    assert line == "held"
    assert one.run("echo meanwhile").output == "meanwhile\n"
    assert not (tmp_path / "ended").exists()
    channel.close()
    for _ in range(100):
        if (tmp_path / "ended").exists():
            return
        time.sleep(0.02)
    pytest.fail("the script outlived its channel")


def test_small_packets_are_not_held_back(remote: Callable[..., Remote]) -> None:
    transport = remote().connection.transport
    assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="other systems than Linux have no such option")
def test_received_data_is_acknowledged_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = open_socket(*listening.getsockname())
        there, _ = listening.accept()
        with here, there:
            for _ in range(3):  # Linux delays acknowledgements once both sides answer each other.
                here.sendall(b"x")
                there.sendall(there.recv(1))
                here.recv(1)
            assert here.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
            assert here.gettimeout() == 15
