"""The way to the server as ssh goes it: ssh's configuration, known_hosts, host keys that harden replaces, answers of a login."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardening import Fresh
from lab import Project
from sandbox import Server

HOST_KEYS = "/etc/ssh/ssh_host_{}_key.pub"


@pytest.fixture(scope="module")
def server(fresh: Fresh) -> Server:
    """Return a server with a short RSA key, as a provider's image has it."""
    made = fresh()
    short_rsa(made)
    return made


@pytest.fixture(scope="module")
def plain(fresh: Fresh) -> Server:
    return fresh()


@pytest.fixture(scope="module")
def hardened(fresh: Fresh, project: Project) -> Server:
    """Return a hardened server behind a jump host: a second sshd of its own, on port 2222."""
    made = fresh()
    project.must("-H", made.name, "harden")
    made.run(
        "ufw allow 2222/tcp >/dev/null; systemd-run -q --unit=jump /usr/sbin/sshd -D -o Port=2222 -o AllowTcpForwarding=yes "
        "-o DisableForwarding=no -o PermitOpen=any"
    )
    return made


@pytest.fixture
def folder(project: Project) -> Iterator[Path]:
    """Return an empty ~/.ssh of the project's user."""
    made = project.home / ".ssh"
    (made / "config.d").mkdir(parents=True)
    yield made
    subprocess.run(["rm", "-r", made], check=True)


def short_rsa(server: Server) -> None:
    server.run("yes | ssh-keygen -q -t rsa -b 2048 -N '' -f /etc/ssh/ssh_host_rsa_key >/dev/null; systemctl reload ssh")


def line(server: Server, kind: str, name: str = "") -> str:
    """Return a line of known_hosts for the server's key of a kind, as ssh-keyscan writes it."""
    words = server.run(f"cat {HOST_KEYS.format(kind)}").stdout.split()
    return f"{name or server.address} {words[0]} {words[1]}\n"


def plain_ssh(server: Server, folder: Path, *options: str, user: str = "deploy") -> subprocess.CompletedProcess[str]:
    """Log in with the system's ssh, which must know the server's key."""
    words = ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={folder}/known_hosts", "-o", "GlobalKnownHostsFile=none"]
    words += ["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-i", str(server.key), *options, f"{user}@{server.address}"]
    return subprocess.run([*words, "id -un"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("known", [
    pytest.param(("rsa", "ecdsa", "ed25519"), id="all"),
    *(pytest.param((kind,), id=kind, marks=pytest.mark.thorough) for kind in ("rsa", "ecdsa", "ed25519")),
])  # fmt: skip
def test_keys_that_harden_replaces_look_like_no_attack(
    server: Server, project: Project, folder: Path, known: tuple[str, ...]
) -> None:
    if "PermitRootLogin no" in server.run("cat /etc/ssh/sshd_config.d/00-selvedge.conf", check=False).stdout:
        server.run("rm /etc/ssh/sshd_config.d/00-selvedge.conf")
        short_rsa(server)
    file = folder / "known_hosts"
    file.write_text("# mine\nother.example.com ssh-ed25519 AAAA\n" + "".join(line(server, kind) for kind in known))
    project.configure(f'[hosts.web]\naddress = "{server.address}"\nkey = "{server.key}"\n')
    try:
        first = project.must("-H", "web", "harden")
        assert "stored the server's new " in first.stdout and "# mine\n" in file.read_text(), first
        for algorithms in ("ssh-ed25519", "rsa-sha2-512"):
            done = plain_ssh(server, folder, "-o", f"HostKeyAlgorithms={algorithms}")
            assert (done.returncode, done.stdout) == (0, "deploy\n"), done
        done = plain_ssh(server, folder)
        assert done.returncode == 0 and "WARNING" not in done.stderr, done
        second = project.must("-H", "web", "harden")
        assert "nothing to change" in second.stdout and "HAS CHANGED" not in second.stderr
    finally:
        project.configure()


def test_the_way_of_the_configuration(hardened: Server, project: Project, folder: Path) -> None:
    """Include, a jump host, an agent that only the configuration names, hashed known_hosts, markers and damaged lines."""
    file = folder / "hosts of mine"
    names = (f"[{hardened.address}]:2222", "localhost")
    file.write_text("".join(line(hardened, "ed25519", name) for name in names))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    file.write_text(f"@cert-authority *.example.com {line(hardened, 'rsa').partition(' ')[2]}damaged\n{file.read_text()}")
    (folder / "config").write_text("Include config.d/*\n")
    (folder / "config.d/servers").write_text(
        f"Host gate\n  HostName {hardened.address}\n  Port 2222\n"
        "Host inner\n  HostName localhost\n  ProxyJump gate\n"
        f'Host *\n  User deploy\n  IdentityAgent %d/.ssh/agent.sock\n  UserKnownHostsFile "%d/.ssh/hosts of mine"\n'
    )
    with agent(folder / "agent.sock", hardened.key):
        for name in ("gate", "inner"):
            result = project.must("-H", name, "harden")
            assert "nothing to change" in result.stdout, result
            assert f"Warning: {file}, line 2 was skipped: " in result.stderr and result.stderr.count("Warning") == 1
    refused = project.fab("-H", "inner", "status")
    assert refused.status == 4 and f"The SSH agent {folder}/agent.sock: " in refused.stderr, refused


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_pinned_key_of_either_kind(hardened: Server, project: Project, kind: str) -> None:
    pin = hardened.run(f"ssh-keygen -lf {HOST_KEYS.format(kind)}").stdout.split()[1]
    project.configure(f'[hosts.web]\naddress = "{hardened.address}"\nkey = "{hardened.key}"\nhost_key = "{pin}"\n')
    try:
        assert "nothing to change" in project.must("-H", "web", "harden").stdout
    finally:
        project.configure()


def test_an_agent_with_more_keys_than_the_server_tries(plain: Server, project: Project, folder: Path) -> None:
    keys = [folder / f"key{number}" for number in range(7)]
    for key in keys:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (folder / "known_hosts").write_text(line(plain, "ed25519"))
    (folder / "config").write_text(f"Host {plain.address}\n  IdentityAgent ~/.ssh/agent.sock\n")
    try:
        with agent(folder / "agent.sock", *keys):
            refused = project.fab("-H", f"root@{plain.address}", "status")
    finally:
        plain.run("fail2ban-client unban --all || true")
    assert refused.status == 4 and "It said: Too many authentication failures." in refused.stderr, refused
    assert "The server stops after a few keys" in refused.stderr and "ssh-keygen" not in refused.stderr


@contextlib.contextmanager
def agent(path: Path, *keys: Path) -> Iterator[None]:
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as process:
        while not path.exists():
            assert process.poll() is None
        subprocess.run(["ssh-add", "-q", *keys], env={"SSH_AUTH_SOCK": str(path), "PATH": "/usr/bin:/bin"}, check=True)
        yield
        process.terminate()


def test_a_host_certificate_proves_the_server(hardened: Server, project: Project, folder: Path) -> None:
    authority = folder / "ca"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", authority], check=True)
    (folder / "host.pub").write_text(hardened.run(f"cat {HOST_KEYS.format('ed25519')}").stdout)
    sign = ["ssh-keygen", "-q", "-s", authority, "-I", "web", "-h", "-n", hardened.address, folder / "host.pub"]
    subprocess.run(sign, check=True, capture_output=True)
    text = (folder / "host-cert.pub").read_text()
    hardened.run(
        f"printf '%s' '{text}' >/etc/ssh/host-cert.pub; echo 'HostCertificate /etc/ssh/host-cert.pub' "
        ">/etc/ssh/sshd_config.d/50-certificate.conf; systemctl reload ssh"
    )
    project.configure(f'[hosts.web]\naddress = "{hardened.address}"\nkey = "{hardened.key}"\n')
    try:
        public = " ".join((folder / "ca.pub").read_text().split()[:2])
        (folder / "known_hosts").write_text(f"@cert-authority {hardened.address} {public}\n")
        project.must("-H", "web", "harden")
        assert plain_ssh(hardened, folder).returncode == 0
        (folder / "known_hosts").write_text(f"@cert-authority {hardened.address} {public}\n@revoked * {public}\n")
        revoked = project.fab("-H", "web", "harden")
        assert revoked.status == 4 and "line 2 marks as revoked" in revoked.stderr, revoked
        assert plain_ssh(hardened, folder).returncode != 0
    finally:
        project.configure()
        hardened.run("rm /etc/ssh/sshd_config.d/50-certificate.conf; systemctl reload ssh")


# As cloud-init writes it into root's authorized_keys.
FORCED = r"""command="echo 'Please login as the user \"admin\" rather than the user \"root\".';echo;exit 142" """
ANSWERS = [
    (f"{{ printf '%s ' {shlex.quote(FORCED)}; cat /root/keys; }} >/root/.ssh/authorized_keys", 'bootstrap_user = "admin"'),
    ("echo root:secret | chpasswd; chage -d 0 root", "passwd root"),
    ("usermod -s /usr/sbin/nologin root", "usermod --shell /bin/bash root"),
    ("printf '#!/bin/sh\\necho closed\\n' >/bin/words; chmod 755 /bin/words; usermod -s /bin/words root", "login shell"),
]
MENDED = (
    "cp -a /root/keys /root/.ssh/authorized_keys; usermod -s /bin/bash root; chage -d 2024-01-01 root; passwd -d root >/dev/null"
)


@pytest.mark.parametrize(("change", "remedy"), ANSWERS, ids=["cloud image", "expired", "nologin", "words"])
def test_an_answer_of_the_login_has_its_remedy(plain: Server, project: Project, change: str, remedy: str) -> None:
    plain.run(f"cp -a /root/.ssh/authorized_keys /root/keys; {change}")
    try:
        result = project.fab("-H", plain.name, "harden", timeout=60)
    finally:
        plain.run(MENDED)
    assert result.status == 1 and remedy in result.stderr and "Traceback" not in result.stderr, result
