"""sshd: a drop-in that overrides other settings, and host keys."""

from __future__ import annotations

import contextlib
import hashlib

from selvedge.resources.access.undo import UNDO
from selvedge.resources.base import Change, Guard, Resource, sections
from selvedge.resources.files import File
from selvedge.shell.quoting import quote, words
from selvedge.ssh.public_keys import parse_public_key

DROP_IN = "/etc/ssh/sshd_config.d/00-selvedge.conf"
MODULI = "/etc/ssh/moduli-3072"
RSA_BITS = 4096
HOST_KEYS = {"rsa": RSA_BITS, "ed25519": 256}
"""The kinds of host keys, and the bits that they have at least."""


class HostKey(Resource):
    """The host keys have enough bits.

    Only a key that is missing or too short is replaced: clients that know the server by its ed25519 key notice nothing.
    """

    guard: Guard = UNDO

    def probe(self) -> str:
        return "\n".join(f"probe_lines /etc/ssh/ssh_host_{kind}_key.pub" for kind in HOST_KEYS)

    def plan(self, fact: str) -> Change | None:
        found = {f"ssh-{kind}": 0 for kind in HOST_KEYS}
        for line in fact.splitlines():
            with contextlib.suppress(ValueError):
                key = parse_public_key(line)
                found[key.kind] = key.bits
        kinds = [kind for kind, bits in HOST_KEYS.items() if found[f"ssh-{kind}"] < bits]
        if not kinds:
            return None
        summary = f"replace the server's {' and '.join(kinds)} host key" + (f" ({RSA_BITS} bits)" * ("rsa" in kinds))
        shell = "\n".join(f"sshd_host_key {kind} {RSA_BITS}" for kind in kinds)
        return Change(summary, shell, guard=self.guard, host_keys=True)


class Moduli(Resource):
    """Diffie-Hellman groups of at least 3071 bits, in a separate file. Debian's file stays."""

    guard: Guard = UNDO

    def probe(self) -> str:
        return f"[ -s {MODULI} ] && echo there || true"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "there":
            return None
        shell = f"awk '$5 >= 3071' /etc/ssh/moduli | file_put {MODULI} 0644 root root"
        return Change(f"create {MODULI} with Diffie-Hellman groups of at least 3071 bits", shell, guard=self.guard)


class IncludeFirst(Resource):
    """sshd_config begins with an Include, because sshd uses the first value of each setting."""

    guard: Guard = UNDO

    def probe(self) -> str:
        return r"sed -n '/^[[:space:]]*\(#.*\)\{0,1\}$/!{p;q;}' /etc/ssh/sshd_config"

    def plan(self, fact: str) -> Change | None:
        name, _, value = fact.strip().partition(" ")
        if name.lower() == "include" and value.split()[:1] in (["/etc/ssh/sshd_config.d/*.conf"], [DROP_IN]):
            return None
        line = f"Include {DROP_IN}"
        return Change(
            f"put `{line}` at the top of /etc/ssh/sshd_config",
            f"sshd_include_first {quote(line)}",
            diff=f"+{line}\n {fact.strip()}",
            guard=self.guard,
        )


class Sshd(Resource):
    """sshd has loaded this drop-in, and `sshd -T` shows each of its values, for root and for `user`.

    Key exchanges that the server's sshd does not support are removed from it.
    """

    text: str
    user: str
    guard: Guard = UNDO

    def paths(self) -> tuple[str, ...]:
        return (DROP_IN,)

    def hashed(self) -> tuple[str, ...]:
        return (DROP_IN,)

    def probe(self) -> str:
        return f"sshd_fact {DROP_IN}"

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        text = known_only(self.text, set(parts.get("knows", "").split()))
        written = File(DROP_IN, text, mode="0600").plan(parts.get("file", "absent"))
        wrong = differences(text, parts.get("values", ""))
        stamp = hashlib.sha256(text.encode()).hexdigest()
        if written is None and not wrong and parts.get("loaded", "").strip() == stamp:
            return None
        shell = [
            "sshd_check_unchanged",
            written.shell if written else ":",
            f"sshd_assert {words(self.user, *wanted_lines(text))}",
            f"sshd_reload {stamp}",
        ]
        return Change(
            "harden the configuration of sshd and reload it",
            "\n".join(shell),
            diff=(written.diff if written else "") or "\n".join(wrong),
            remedy="On the server, `sudo sshd -t` shows errors in the configuration, and `sudo sshd -T` shows the active settings.",
            guard=self.guard,
            host_keys=True,
        )


def known_only(text: str, known: set[str]) -> str:
    """Return the drop-in without unknown key exchanges; unchanged if `known` is empty.

    The other lists contain nothing that OpenSSH 8.2 (Ubuntu 20.04) does not support.
    """
    lines = []
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if known and name.lower() == "kexalgorithms":
            line = f"{name} {','.join(each for each in value.split(',') if each in known)}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def wanted_lines(text: str) -> list[str]:
    """Return the drop-in's lines as `sshd -T` prints them: the name in lower case, then the value."""
    found = []
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if name and not name.startswith("#"):
            found.append(f"{name.lower()} {value.strip()}")
    return found


def differences(text: str, shown: str) -> list[str]:
    """Return a sentence for each line of the drop-in that the output of `sshd -T` does not contain."""
    lines = set(shown.splitlines())
    return [f"sshd -T does not show: {line}" for line in wanted_lines(text) if line not in lines]
