"""Host keys: unknown, known, changed, pinned."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.ssh import certificates
from selvedge.ssh.config import ClientSettings
from selvedge.ssh.connection import Remote
from selvedge.ssh.host_keys import HostKeyCheck, HostKeyRefused
from selvedge.ssh.known_hosts import HostKey
from tests.unit.operations.ssh_server import ed25519
from tests.unit.ssh.sshd import Sshd, known, print_of

pytestmark = pytest.mark.programs

RSA = paramiko.RSAKey.generate(1024)


def test_an_unknown_server_is_refused(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    with pytest.raises(UnreachableError) as caught:
        remote(host_key="").run("true")
    assert "this server is not known yet" in caught.value.message
    assert print_of(sshd.host_key) in caught.value.message
    assert caught.value.remedy.endswith("`fab -H web trust`.")
    assert not sshd.commands and not Path("~/.ssh/known_hosts").expanduser().exists()


@pytest.mark.parametrize("where", ["the user's file", "the host's file"])
def test_a_known_server_is_accepted(sshd: Sshd, remote: Callable[..., Remote], tmp_path: Path, where: str) -> None:
    own = where == "the host's file"
    file = tmp_path / "known hosts" if own else Path("~/.ssh/known_hosts").expanduser()
    file.write_text(known(sshd, sshd.host_key))
    assert remote(host_key="", known_hosts=str(file) if own else "").run("echo in").output == "in\n"


def test_a_server_whose_key_has_changed_is_refused(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    old = paramiko.ECDSAKey.generate()
    file = Path("~/.ssh/known_hosts").expanduser()
    file.write_text(known(sshd, old))
    with pytest.raises(UnreachableError) as caught:
        remote(host_key="").run("true")
    assert "THE SERVER'S HOST KEY HAS CHANGED" in caught.value.message
    assert print_of(old) in caught.value.message and print_of(sshd.host_key) in caught.value.message
    assert "ssh-keygen -R" in caught.value.remedy and f"[127.0.0.1]:{sshd.port}" in caught.value.remedy
    assert file.read_text() == known(sshd, old) and not sshd.commands


def test_a_pinned_key_is_the_only_accepted_one(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    Path("~/.ssh/known_hosts").expanduser().write_text(known(sshd, sshd.host_key))
    pinned = print_of(paramiko.ECDSAKey.generate())
    with pytest.raises(UnreachableError) as caught:
        remote(host_key=pinned).run("true")
    assert pinned in caught.value.message and print_of(sshd.host_key) in caught.value.message
    assert "hosts.web.host_key" in caught.value.remedy
    assert not sshd.commands
    Path("~/.ssh/known_hosts").expanduser().write_text(known(sshd, paramiko.ECDSAKey.generate()))
    assert remote().run("echo pinned").output == "pinned\n"


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_a_pinned_key_of_any_kind_is_asked_for(sshd: Sshd, remote: Callable[..., Remote], kind: str) -> None:
    keys = {"rsa": RSA, "ecdsa": sshd.host_key, "ed25519": ed25519()}
    sshd.more_host_keys = [keys["rsa"], keys["ed25519"]]
    one = remote(host_key=print_of(keys[kind]))
    assert one.run("echo in").output == "in\n"
    assert one.connection.transport.get_remote_server_key() == keys[kind]
    with pytest.raises(UnreachableError) as caught:
        remote(host_key=print_of(ed25519())).run("true")
    message = caught.value.message
    assert all(f"{print_of(key)} ({name.upper()})" in message for name, key in keys.items()), message
    assert message.startswith("web: the server's host keys are ") and len(sshd.commands) == 1


def test_fingerprints_match_ssh_keygen(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(f"{sshd.host_key.get_name()} {sshd.host_key.get_base64()}\n")
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True).stdout
    assert print_of(sshd.host_key) == shown.split()[1]


def known_file(*rows: str) -> Path:
    file = Path("~/.ssh/known_hosts").expanduser()
    file.write_text("".join(rows))
    return file


@pytest.mark.parametrize("first", ["rsa", "ecdsa", "ed25519"])
def test_a_known_key_is_asked_for_whatever_the_order_in_the_file(
    sshd: Sshd, remote: Callable[..., Remote], first: str
) -> None:
    """ssh-keyscan may write the RSA key first; `harden` may replace it later."""
    best = ed25519()
    sshd.more_host_keys = [best, RSA]
    old = paramiko.RSAKey.generate(1024)
    rows = {"rsa": known(sshd, old), "ecdsa": known(sshd, sshd.host_key), "ed25519": known(sshd, best)}
    known_file(rows[first], *(row for kind, row in rows.items() if kind != first))
    one = remote(host_key="")
    assert one.run("echo in").output == "in\n"
    assert one.connection.transport.get_remote_server_key() == best


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_the_only_known_key_is_asked_for(sshd: Sshd, remote: Callable[..., Remote], kind: str) -> None:
    keys = {"rsa": RSA, "ecdsa": sshd.host_key, "ed25519": ed25519()}
    sshd.more_host_keys = [keys["rsa"], keys["ed25519"]]
    known_file(known(sshd, keys[kind]))
    one = remote(host_key="")
    assert one.run("echo in").output == "in\n"
    assert one.connection.transport.get_remote_server_key() == keys[kind]


@pytest.mark.parametrize(
    "row",
    ["@cert-authority *.example.com ssh-rsa AAAA", "@revoked", "damaged", "127.0.0.1 ssh-ed25519 AAAA", "a\0b c d", "@x y z w"],
)
def test_a_line_that_is_not_usable_is_a_warning(sshd: Sshd, remote: Callable[..., Remote], row: str) -> None:
    file = known_file(f"{row}\n", known(sshd, sshd.host_key))
    one = remote(host_key="")
    said: list[str] = []
    one._warn = said.append
    assert one.run("echo in").output == "in\n"
    assert len(set(said)) == 1 and said[0].startswith(f"{file}, line 1 was skipped: ")


def test_a_revoked_key_is_refused(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    row = known(sshd, sshd.host_key)
    file = known_file(row, "@revoked * " + row.partition(" ")[2])
    with pytest.raises(UnreachableError) as caught:
        remote(host_key="").run("true")
    assert f"{print_of(sshd.host_key)}, which {file}, line 2 marks as revoked" in caught.value.message
    assert not sshd.commands


def test_patterns_and_excluded_names(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    key = known(sshd, sshd.host_key).partition(" ")[2]
    known_file(f"[127.0.0.*]:{sshd.port} {key}")
    assert remote(host_key="").run("echo in").output == "in\n"
    known_file(f"[127.0.0.*]:{sshd.port},![127.0.0.1]:{sshd.port} {key}")
    with pytest.raises(UnreachableError, match="not known yet"):
        remote(host_key="").run("true")


def test_a_key_that_is_known_for_port_22_proves_another_port(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    key = known(sshd, sshd.host_key).partition(" ")[2]
    known_file(f"127.0.0.1 {key}")
    assert remote(host_key="").run("echo in").output == "in\n"
    known_file(f"127.0.0.1 {known(sshd, paramiko.ECDSAKey.generate()).partition(' ')[2]}")
    with pytest.raises(UnreachableError, match="not known yet"):
        remote(host_key="").run("true")


def test_a_file_with_only_a_key_of_an_unknown_type_is_no_alarm(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    kind = b"sk-ssh-ed25519@openssh.com"
    blob = base64.b64encode(len(kind).to_bytes(4, "big") + kind + b"\0\0\0\1x").decode()
    known_file(f"[127.0.0.1]:{sshd.port} {kind.decode()} {blob}\n")
    with pytest.raises(UnreachableError, match=r"not known yet.*only a key of the type sk-ssh-ed25519@openssh\.com"):
        remote(host_key="").run("true")


def test_the_alias_of_the_configuration_names_the_server(sshd: Sshd, remote: Callable[..., Remote]) -> None:
    Path("~/.ssh/config").expanduser().write_text("Host 127.0.0.1\n  HostKeyAlias fleet\n")
    known_file(f"fleet {known(sshd, sshd.host_key).partition(' ')[2]}")
    assert remote(host_key="").run("echo in").output == "in\n"


class TestCertificates:
    """Host certificates that ssh-keygen made."""

    def certificate(self, folder: Path, *options: str, kind: str = "ed25519") -> tuple[HostKey, HostKey, HostKey]:
        """Return the key, its certificate and the authority."""
        size = {"ed25519": [], "ecdsa": [], "rsa": ["-b", "1024"]}[kind]  # Its own size of RSA takes much longer.
        for name in ("ca", "host"):
            path = folder / name
            path.unlink(missing_ok=True)
            subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-f", path], check=True, capture_output=True)
        sign = ["ssh-keygen", "-q", "-s", folder / "ca", "-I", "web", *options, folder / "host.pub"]
        subprocess.run(sign, check=True, capture_output=True)
        key, certificate, authority = (
            HostKey(words[0], base64.b64decode(words[1]))
            for words in ((folder / name).read_text().split() for name in ("host.pub", "host-cert.pub", "ca.pub"))
        )
        return key, certificate, authority

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (["-h", "-n", "web.example.com,other"], ""),
            (["-h", "-n", "*.example.com"], ""),
            (["-h"], ""),
            (["-h", "-n", "web"], "it is for web"),
            (["-n", "web.example.com"], "it is not the certificate of a host"),
            (["-h", "-n", "web.example.com", "-V", "20200101:20200102"], "it is not valid now"),
        ],
    )
    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
    def test_a_certificate_is_verified(self, tmp_path: Path, kind: str, options: list[str], says: str) -> None:
        _, certificate, authority = self.certificate(tmp_path, *options, kind=kind)
        assert certificates.refusal(certificate, "web.example.com", [authority]) == says

    def test_other_authorities_and_damage(self, tmp_path: Path) -> None:
        key, certificate, authority = self.certificate(tmp_path, "-h", "-n", "web")
        assert "does not have the authority" in certificates.refusal(certificate, "web", [key])
        for position in (60, len(certificate.blob) - 3):
            blob = bytearray(certificate.blob)
            blob[position] ^= 1
            assert certificates.refusal(HostKey(certificate.kind, bytes(blob)), "web", [authority])
        assert certificates.refusal(HostKey(certificate.kind, b"x"), "web", [authority]).startswith("it is damaged")

    def test_the_login_offers_certificates_if_there_is_an_authority(self, tmp_path: Path) -> None:
        key, certificate, authority = self.certificate(tmp_path, "-h", "-n", "web")
        file = tmp_path / "known"
        settings = ClientSettings("web", "web", "deploy", 22, user_known_hosts=(file,))

        def check() -> HostKeyCheck:
            return HostKeyCheck(Host(name="web"), settings, "", jump=False)

        file.write_text(f"other {authority.text}\n")
        assert not any("cert" in name for name in check().algorithms())
        file.write_text(f"@cert-authority w* {authority.text}\n")
        assert check().algorithms()[0] == "ssh-ed25519-cert-v01@openssh.com"
        check().check(key, certificate)
        with pytest.raises(HostKeyRefused, match="this server is not known yet"):
            check().check(key)
        file.write_text(f"@cert-authority w* {authority.text}\n@revoked * {authority.text}\n")
        with pytest.raises(HostKeyRefused, match="line 2 marks as revoked"):
            check().check(key, certificate)
        file.write_text(f"@cert-authority w* {key.text}\n")
        with pytest.raises(HostKeyRefused, match="certificate for it, but known_hosts does not have the authority"):
            check().check(key, certificate)
