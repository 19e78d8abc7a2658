"""`fab trust` for host keys, and `fab ssh`."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator

import pytest

from lab import FAB, Lab, Project
from sandbox import Server


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
