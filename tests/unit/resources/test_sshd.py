"""sshd's configuration and host keys, and the proof that a login still works."""

from __future__ import annotations

import hashlib

import pytest

from selvedge.resources.access.sshd import (
    HostKey,
    IncludeFirst,
    Sshd,
    differences,
    known_only,
    sections,
    wanted_lines,
)
from selvedge.resources.access.undo import UNDO, NoPendingUndo


def sshd_fact(text: str, loaded: str = "", values: str = "", kex: str = "", about: str = "file 600 root root") -> str:
    """What `sshd_fact` prints."""
    total = hashlib.sha256(text.encode()).hexdigest()
    file = f"{about}\n{total}\n{text}" if about.startswith("file") else about
    return f"\n--- loaded\n{loaded}\n\n--- knows\n{kex}\n\n--- values\n{values}\n\n--- file\n{file}"


class TestSshd:
    TEXT = "# why\nPermitRootLogin no\nKexAlgorithms new-kex,curve25519-sha256\nHostKey /a\nHostKey /b\n"
    KNOWN = TEXT.replace("new-kex,", "")
    VALUES = "port 22\npermitrootlogin no\nkexalgorithms curve25519-sha256\nhostkey /a\nhostkey /b"
    STAMP = hashlib.sha256(KNOWN.encode()).hexdigest()
    SSHD = Sshd(TEXT, "deploy")

    def test_nothing_to_do_where_it_stands_is_in_force_and_loaded(self) -> None:
        assert self.SSHD.plan(sshd_fact(self.KNOWN, self.STAMP, self.VALUES, "curve25519-sha256")) is None

    @pytest.mark.parametrize(
        "fact",
        [
            sshd_fact("", STAMP, VALUES, "curve25519-sha256", about="absent"),
            sshd_fact(KNOWN + "# edited\n", STAMP, VALUES, "curve25519-sha256"),
            sshd_fact(KNOWN, STAMP, VALUES, "curve25519-sha256", about="file 666 root root"),
            sshd_fact(KNOWN, "", VALUES, "curve25519-sha256"),
            sshd_fact(KNOWN, STAMP, VALUES.replace("login no", "login yes"), "curve25519-sha256"),
            sshd_fact(KNOWN, STAMP, VALUES, "curve25519-sha256 new-kex"),
            sshd_fact(KNOWN, STAMP, "", ""),
            "",
        ],
    )
    def test_anything_else_is_checked_changed_asserted_and_reloaded_under_the_guard(self, fact: str) -> None:
        change = self.SSHD.plan(fact)
        assert change is not None and change.guard is UNDO
        order = [change.shell.index(word) for word in ("sshd_check_unchanged", "sshd_assert", "sshd_reload")]
        assert order == sorted(order)

    def test_shows_which_value_is_not_in_force(self) -> None:
        change = self.SSHD.plan(sshd_fact(self.KNOWN, self.STAMP, "permitrootlogin yes", "curve25519-sha256"))
        assert change and "sshd -T does not show: permitrootlogin no" in change.diff

    def test_only_key_exchanges_are_left_out(self) -> None:
        assert known_only("KexAlgorithms a,b,c\nCiphers x\n", {"c", "a"}) == "KexAlgorithms a,c\nCiphers x\n"
        assert known_only("KexAlgorithms a,b\n", set()) == "KexAlgorithms a,b\n"

    def test_lines_are_as_sshd_prints_them(self) -> None:
        assert wanted_lines("# no\n\nMaxAuthTries 4\n  LogLevel VERBOSE\n") == ["maxauthtries 4", "loglevel VERBOSE"]
        assert differences("LogLevel VERBOSE\n", "loglevel VERBOSE\n") == []

    @pytest.mark.parametrize(
        ("line", "stays"),
        [
            ("Include /etc/ssh/sshd_config.d/*.conf", True),
            ("include  /etc/ssh/sshd_config.d/*.conf", True),
            ("Include /etc/ssh/sshd_config.d/00-selvedge.conf", True),
            ("Include /etc/ssh/other.conf", False),
            ("PasswordAuthentication yes", False),
            ("", False),
        ],
    )
    def test_the_include_comes_first(self, line: str, stays: bool) -> None:
        assert (IncludeFirst().plan(f"{line}\n") is None) == stays

    @pytest.mark.parametrize(
        ("fact", "kinds"),
        [
            ("4096 SHA256:a root@x (RSA)\n256 SHA256:b root@x (ED25519)\n", ""),
            ("3072 SHA256:a root@x (RSA)\n256 SHA256:b root@x (ED25519)\n", "rsa"),
            ("4096 SHA256:a root@x (RSA)\n", "ed25519"),
            ("", "rsa ed25519"),
        ],
    )
    def test_only_short_host_keys_are_made_anew(self, fact: str, kinds: str) -> None:
        change = HostKey().plan(fact)
        made = [line.split()[1] for line in change.shell.splitlines()] if change else []
        assert made == kinds.split()


def test_sections_of_a_fact() -> None:
    assert sections("\n--- a\n1\n2\n\n--- b\n") == {"a": "1\n2\n", "b": ""}


class TestOrder:
    def test_an_undo_that_a_cut_off_run_left_is_proved(self) -> None:
        for fact in ("armed\n", "fired\n"):
            change = NoPendingUndo().plan(fact)
            assert change is not None and change.guard is UNDO
        assert NoPendingUndo().plan("\n") is None
