"""sshd's configuration and host keys, and the undo of a run that was cut off."""

from __future__ import annotations

import hashlib

from selvedge.resources.access.sshd import HostKey, IncludeFirst, Moduli, Sshd, differences, known_only, wanted_lines
from selvedge.resources.access.undo import UNDO, NoPendingUndo
from selvedge.resources.base import Resource, sections
from tests.support.keys import KEY, rsa_key
from tests.support.tables import check, table


def seen(text: str, loaded: str = "", values: str = "", kex: str = "", about: str = "file 600 root root") -> str:
    """Return the lines that `sshd_fact` prints."""
    total = hashlib.sha256(text.encode()).hexdigest()
    file = f"{about}\n{total}\n{text}" if about.startswith("file") else about
    return f"\n--- loaded\n{loaded}\n\n--- knows\n{kex}\n\n--- values\n{values}\n\n--- file\n{file}"


TEXT = "# why\nPermitRootLogin no\nKexAlgorithms new-kex,curve25519-sha256\nHostKey /a\nHostKey /b\n"
# The server's sshd does not know new-kex.
KNOWN = TEXT.replace("new-kex,", "")
VALUES = "port 22\npermitrootlogin no\nkexalgorithms curve25519-sha256\nhostkey /a\nhostkey /b"
STAMP = hashlib.sha256(KNOWN.encode()).hexdigest()
KEX = "curve25519-sha256"
SSHD = Sshd(TEXT, "deploy")
DROP_IN = "/etc/ssh/sshd_config.d/00-selvedge.conf"
HARDEN = "harden the configuration of sshd and reload it"
ASSERTED = "sshd_assert deploy 'permitrootlogin no' 'kexalgorithms {0}curve25519-sha256' 'hostkey /a' 'hostkey /b'"
LOADED = f"sshd_check_unchanged\n:\n{ASSERTED.format('')}\nsshd_reload {STAMP}"
WRITTEN = f"sshd_check_unchanged\nfile_put {DROP_IN} 0600 root root <<'EOF'\n{ASSERTED.format('')}\nsshd_reload {STAMP}"
CLOSED = (
    f"sshd_check_unchanged\nchown -h -- root:root {DROP_IN}\n"
    f"chmod -- 0600 {DROP_IN}\n{ASSERTED.format('')}\nsshd_reload {STAMP}"
)
EVERY_KEX = (
    f"sshd_check_unchanged\nKexAlgorithms new-kex,curve25519-sha256\n{ASSERTED.format('new-kex,')}\nsshd_reload …"
)


@table(
    (SSHD, seen(KNOWN, STAMP, VALUES, KEX), None),
    (SSHD, seen("", STAMP, VALUES, KEX, about="absent"), HARDEN, WRITTEN),
    (SSHD, seen(KNOWN + "# edited\n", STAMP, VALUES, KEX), HARDEN, WRITTEN),
    (SSHD, seen(KNOWN, STAMP, VALUES, KEX, about="file 666 root root"), HARDEN, CLOSED),
    (SSHD, seen(KNOWN, "", VALUES, KEX), HARDEN, LOADED),
    (SSHD, seen(KNOWN, STAMP, VALUES.replace("login no", "login yes"), KEX), HARDEN, LOADED),
    (SSHD, seen(KNOWN, STAMP, VALUES, f"{KEX} new-kex"), HARDEN, EVERY_KEX),
    (SSHD, seen(KNOWN, STAMP, "", ""), HARDEN, EVERY_KEX),
    (SSHD, "", HARDEN, EVERY_KEX),
)
def test_sshd(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
    change = resource.plan(fact)
    assert change is None or change.guard is UNDO


def test_the_diff_shows_values_that_are_not_in_force() -> None:
    change = SSHD.plan(seen(KNOWN, STAMP, "permitrootlogin yes", KEX))
    assert change and "sshd -T does not show: permitrootlogin no" in change.diff


def test_only_unknown_key_exchanges_are_left_out() -> None:
    assert known_only("KexAlgorithms a,b,c\nCiphers x\n", {"c", "a"}) == "KexAlgorithms a,c\nCiphers x\n"
    assert known_only("KexAlgorithms a,b\n", set()) == "KexAlgorithms a,b\n"


def test_lines_are_compared_as_sshd_prints_them() -> None:
    assert wanted_lines("# no\n\nMaxAuthTries 4\n  LogLevel VERBOSE\n") == ["maxauthtries 4", "loglevel VERBOSE"]
    assert differences("LogLevel VERBOSE\n", "loglevel VERBOSE\n") == []


INCLUDE = (f"put `Include {DROP_IN}` at the top of /etc/ssh/sshd_config", f"sshd_include_first 'Include {DROP_IN}'")


@table(
    (IncludeFirst(), "Include /etc/ssh/sshd_config.d/*.conf\n", None),
    (IncludeFirst(), "include  /etc/ssh/sshd_config.d/*.conf\n", None),
    (IncludeFirst(), f"Include {DROP_IN}\n", None),
    (IncludeFirst(), "Include /etc/ssh/other.conf\n", *INCLUDE),
    (IncludeFirst(), "PasswordAuthentication yes\n", *INCLUDE),
    (IncludeFirst(), "\n", *INCLUDE),
)
def test_the_include_is_the_first_line(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


RSA = "replace the server's rsa host key (4096 bits)"


@table(
    (HostKey(), f"{rsa_key(4096)}\n{KEY}\n", None),
    (HostKey(), f"# a comment\n\n{rsa_key(4096)}\n{KEY}", None),
    (HostKey(), f"{rsa_key(3072)}\n{KEY}\n", RSA, "sshd_host_key rsa 4096"),
    (HostKey(), f"no key\n{KEY}\n", RSA, "sshd_host_key rsa 4096"),
    (
        HostKey(),
        f"{rsa_key(4096)}\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5 cut@off\n",
        "replace the server's ed25519 host key",
        "sshd_host_key ed25519 4096",
    ),
    (
        HostKey(),
        "",
        "replace the server's rsa and ed25519 host key (4096 bits)",
        "sshd_host_key rsa 4096\nsshd_host_key ed25519 4096",
    ),
)
def test_host_keys(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """Only a missing or short key is replaced."""
    check(resource, fact, summary, shell)
    change = resource.plan(fact)
    assert change is None or change.shell == shell


@table(
    (Moduli(), "there\n", None),
    (Moduli(), "", "create /etc/ssh/moduli-3072 with Diffie-Hellman groups of at least 3071 bits",
     "awk '$5 >= 3071' /etc/ssh/moduli | file_put /etc/ssh/moduli-3072 0644 root root"),
)  # fmt: skip
def test_moduli(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


PROVE = "test the changes of an interrupted run with a new login"


@table(
    (NoPendingUndo(), "\n", None), (NoPendingUndo(), "armed\n", PROVE, ":"), (NoPendingUndo(), "fired\n", PROVE, ":")
)
def test_undo_of_a_run_that_was_cut_off(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """The guard of the change proves a login, and disarms the undo."""
    check(resource, fact, summary, shell)
    change = resource.plan(fact)
    assert change is None or change.guard is UNDO


def test_sections_of_a_fact() -> None:
    assert sections("\n--- a\n1\n2\n\n--- b\n") == {"a": "1\n2\n", "b": ""}
