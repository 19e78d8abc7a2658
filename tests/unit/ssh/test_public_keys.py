"""Public keys: lines, files, fingerprints."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from selvedge.errors import UsageError
from selvedge.ssh import public_keys
from selvedge.ssh.public_keys import PublicKey, parse_public_key
from tests.support.keys import KEY, ME, pair


class TestPublicKeys:
    def test_a_line_has_a_kind_and_a_comment(self) -> None:
        assert (ME.kind, ME.comment, ME.line) == ("ssh-ed25519", "me@laptop", KEY)

    def test_the_fingerprint_matches_ssh_keygen(self, tmp_path: Path) -> None:
        (tmp_path / "key.pub").write_text(KEY)
        shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
        assert ME.fingerprint == shown.stdout.split()[1]

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("ssh-dss AAAAB3NzaC1kc3MAAACBA me", "not a type of public key"),
            ("ssh-ed25519 not*base64 me", "not base64"),
            (KEY.replace("AAAAC3NzaC1lZDI1NTE5", "AAAAB3NzaC1yc2EAAAAD"), "cut off or is not of the type ssh-ed25519"),
            ("ssh-ed25519", "cut off"),
            ('command="/bin/sh" ' + KEY, "not a type of public key"),
            ("", "not a type of public key"),
        ],
    )
    def test_other_lines_are_refused(self, line: str, problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            parse_public_key(line)

    def test_a_comment_has_no_line_breaks(self) -> None:
        assert "\n" not in parse_public_key(KEY + "\x0bssh-rsa AAAA\x85evil").line

    def test_a_private_key_is_refused_with_the_name_of_the_public_one(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"is a private key.*id\.pub"):
            public_keys.keys_of_file(pair(tmp_path, "-N", ""), "server.authorized_keys")

    @pytest.mark.parametrize("passphrase", ["", "secret words"])
    def test_the_private_file_contains_the_public_half(self, tmp_path: Path, passphrase: str) -> None:
        private = pair(tmp_path, "-N", passphrase)
        beside = private.with_name("id.pub")
        text = beside.read_text().split()[1]
        beside.unlink()
        assert public_keys.public_half(private, "hosts.server.key").blob == text

    @pytest.mark.parametrize("form", ["PEM", "PKCS8"])
    @pytest.mark.parametrize("passphrase", ["", "secret words"])
    def test_an_encrypted_file_in_pem_needs_the_public_one(self, tmp_path: Path, form: str, passphrase: str) -> None:
        private, beside = tmp_path / "id", tmp_path / "id.pub"
        command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-m", form, "-N", passphrase, "-f", str(private)]
        subprocess.run(command, check=True)
        blob = beside.read_text().split()[1]
        beside.unlink()
        if not passphrase:
            assert public_keys.public_half(private, "hosts.server.key").blob == blob
            return
        with pytest.raises(UsageError, match="ssh-keygen -y -f"):
            public_keys.public_half(private, "hosts.server.key")


def test_keys_with_the_same_blob_are_equal() -> None:
    assert PublicKey("ssh-ed25519", ME.blob, "another comment") == ME
    assert base64.b64decode(ME.blob)
