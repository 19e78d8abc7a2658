"""`fab trust` for host keys, `fab ssh`, and `fab tunnel`."""

from __future__ import annotations

import hashlib
import os
import pty
import random
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from background import left_behind, running
from lab import FAB, Lab, Project, until
from sandbox import Server

BIG = random.Random(7).randbytes(20_000_000)
# It sends everything back: at a port, and at a socket that only the app's user may use.
ECHO = r"""
import os, pwd, socket, threading

def serve(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)

def listen(listening):
    while True:
        threading.Thread(target=serve, args=(listening.accept()[0],)).start()

port = socket.create_server(("127.0.0.1", 7007), backlog=50)
private = socket.create_server("/run/private.sock", family=socket.AF_UNIX)
os.chmod("/run/private.sock", 0o600)
os.chown("/run/private.sock", pwd.getpwnam("hello").pw_uid, -1)
threading.Thread(target=listen, args=(private,)).start()
listen(port)
"""


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return lab.server("deployed", "trixie")


@pytest.fixture
def stranger(server: Server, project: Project) -> Iterator[str]:
    """Return another name for the server, with a known_hosts file that does not exist yet."""
    before = (project.folder / "hosts.toml").read_text()
    lines = [
        "[hosts.stranger]", f'address = "{server.address}"', f"port = {server.port}", f'key = "{server.key}"',
        'known_hosts = "known/hosts"',
    ]  # fmt: skip
    (project.folder / "hosts.toml").write_text(before + "\n".join(lines) + "\n")
    yield "stranger"
    (project.folder / "hosts.toml").write_text(before)
    (project.folder / "known/hosts").unlink(missing_ok=True)


def typed(project: Project, answer: str, *words: str) -> tuple[int, str]:
    """Run fab at a terminal and answer its question. Return the exit status and the terminal's output."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(project.folder)
        os.execve(FAB, [str(FAB), *words], project.environment())
    shown, asked = b"", False
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        shown += piece
        if b"[y/N]" in shown and not asked:
            asked = True
            os.write(terminal, answer.encode() + b"\n")
        if not piece:
            break
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_trust_asks_at_a_terminal_and_stores_the_host_keys(
    stranger: str, server: Server, project: Project
) -> None:
    refused = project.fab("-H", stranger, "status")
    assert refused.status == 4
    assert "fab -H stranger trust" in refused.stderr
    assert project.fab("-H", stranger, "trust").status == 2
    status, shown = typed(project, "no", "-H", stranger, "trust")
    assert status == 1
    status, shown = typed(project, "y", "-H", stranger, "trust")
    assert status == 0, shown
    prints = server.run("for f in $(sshd -T | sed -n 's/^hostkey //p'); do ssh-keygen -lf $f; done").stdout
    assert {line.split()[1] for line in prints.splitlines()} == {
        word for line in shown.splitlines() for word in line.split() if word.startswith("SHA256:")
    }
    assert project.fab("-H", stranger, "history").status == 0


def test_a_changed_host_key_is_refused(stranger: str, server: Server, project: Project) -> None:
    project.must("-H", stranger, "trust", "--yes")
    old = (project.folder / "known/hosts").read_bytes()
    server.run("cp -a /etc/ssh /root/ssh; rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh")
    try:
        trust, status = project.fab("-H", stranger, "trust", "--yes"), project.fab("-H", stranger, "status")
    finally:
        server.run("cp -a /root/ssh/ssh_host_* /etc/ssh/; rm -r /root/ssh; systemctl restart ssh")
    assert (trust.status, status.status) == (1, 4)
    assert "ssh-keygen -R" in trust.stderr
    assert (project.folder / "known/hosts").read_bytes() == old


def test_ssh_uses_the_settings_of_hosts_toml(stranger: str, server: Server, project: Project) -> None:
    project.must("-H", stranger, "trust", "--yes")
    done = subprocess.run(
        [str(FAB), "-H", stranger, "ssh"], cwd=project.folder, env=project.environment(), input="id -un; hostname; exit 6\n",
        capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 6, done
    assert done.stdout.splitlines()[-2:] == ["deploy", server.name]


@pytest.fixture(scope="module")
def echo(server: Server) -> Server:
    """Return the server with a program that sends everything back."""
    server.run(f"cat >/root/echo.py <<'END'\n{ECHO}END\nsystemd-run -q --unit=echo python3 /root/echo.py")
    until(lambda: server.run("test -S /run/private.sock", check=False).returncode == 0, 20)
    return server


def echoed(port: int, data: bytes) -> bytes:
    """Send data through the tunnel, then the end. Return the hash of what comes back."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        def send() -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        found = hashlib.sha256()
        while piece := connection.recv(1 << 16):
            found.update(piece)
        return found.digest()


@pytest.mark.parametrize("words", [("--port", "7007"), ("--to", "/run/private.sock", "--user", "hello")])
def test_a_tunnel_carries_all_data_both_ways(echo: Server, project: Project, tmp_path: Path, words: tuple[str, ...]) -> None:
    with running(project, tmp_path / "output", "-H", echo.name, "tunnel", *words) as (process, output):
        until(lambda: output.has("until you press Ctrl-C"), 60)
        port = int(re.search(r"127\.0\.0\.1:(\d+) leads to", (tmp_path / "output").read_text())[1])
        assert echoed(port, BIG) == hashlib.sha256(BIG).digest()
        small = BIG[:300_000]
        with ThreadPoolExecutor(25) as threads:
            found = list(threads.map(lambda _: echoed(port, small), range(25)))
        assert found == [hashlib.sha256(small).digest()] * 25
        idle = socket.create_connection(("127.0.0.1", port), 20)
        idle.sendall(b"x")
        assert idle.recv(1) == b"x"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    idle.close()
    assert len((tmp_path / "output").read_text().strip().splitlines()) == 1
    until(lambda: not left_behind(echo, "python3 -IS"), 20)


def test_a_tunnel_that_leads_nowhere_says_why(echo: Server, project: Project) -> None:
    for words, said in (
        (("--to", "9", "--local", "20009"), "the server could not connect to port 9: Connection refused"),
        (("--to", "/run/private.sock"), "deploy may not connect to /run/private.sock: Permission denied"),
        (("--to", "/run/private.sock", "--user", "nosuch"), "there is no user nosuch on the server"),
    ):
        result = project.fab("-H", echo.name, "tunnel", *words)
        assert result.status == 1
        assert said in result.stderr
