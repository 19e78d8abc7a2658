"""`fab trust`: show a server's host keys, ask the user to compare them, and store them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.each_host import on_each_host, raise_first_error
from selvedge.operations.support.question import accepted
from selvedge.report import Report
from selvedge.report.text import Part, Styled
from selvedge.run import Run
from selvedge.ssh import key_scan, known_hosts
from selvedge.ssh.host_keys import fingerprint, kind_of
from selvedge.ssh.key_scan import ServerKeys
from selvedge.ssh.known_hosts import HostKey, Known


def trust(run: Run, *, yes: bool = False) -> None:
    """Show the host keys of every server of the run; store those that the user accepts, or all with `yes`.

    Raises UsageError before any connection if there is no terminal to ask at; UnreachableError, and SelvedgeError if a key
    has changed or was not accepted, after the other servers.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "fab trust cannot ask you to confirm the host keys, because this is not a terminal.",
            "Run it in a terminal. Or add `--yes`, which accepts any host key without a check.",
        )
    found = on_each_host(run, lambda session: key_scan.scan(session.remote))
    for session in run.fleet.sessions:
        shown = found[session.name]
        if isinstance(shown, SelvedgeError):
            continue
        try:
            _trust(run.report, session.target.host, shown, yes=yes)
        except SelvedgeError as error:
            found[session.name] = error
    raise_first_error(run, found)


def _trust(report: Report, host: Host, shown: ServerKeys, *, yes: bool) -> None:
    known = known_hosts.find(shown.settings.known_hosts, shown.settings.entry)
    _print_keys(report, host, shown, known)
    if host.host_key:
        _compare_with_pinned(report, host, shown)
        return
    for line in known.revoked:
        if line.key in shown.keys:
            raise _revoked(host, line.place, line.key)
    new = [key for key in shown.keys if not known.of_kind(key.kind)]
    same = [key for key in shown.keys if known.has(key)]
    if known.keys and (not same or len(new) + len(same) < len(shown.keys)):
        raise _changed(host, shown, known)
    if new:
        _store(report, host, shown, new, yes=yes)
    else:
        report.line("    All of these keys are known already.")
    report.line(f"    To pin this key for everyone who uses your hosts.toml, add this line to [hosts.{_toml_key(host.name)}]:")
    report.line(f'    host_key = "{fingerprint(shown.keys[0])}"')


def _print_keys(report: Report, host: Host, shown: ServerKeys, known: Known) -> None:
    report.line(Styled(host.name, "bold"), f": {shown.settings.entry} shows these host keys:")
    for key in shown.keys:
        note: Part = Styled("  known", "dim") if known.has(key) else ""
        report.line(f"    {kind_of(key):<8} {fingerprint(key)}", note)


def _store(report: Report, host: Host, shown: ServerKeys, keys: Sequence[HostKey], *, yes: bool) -> None:
    path = shown.settings.file_to_write(host)
    if not yes and not accepted(f"Are these your server's keys? If you answer y, Selvedge stores them in {path}. [y/N] "):
        raise SelvedgeError(
            f"{host.name}: you did not accept the host keys. Nothing was stored.",
            "Compare them with the keys that your provider's console shows. This command prints them there: "
            "`for f in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $f; done`. "
            f"Then run `fab -H {host.name} trust` again.",
        )
    known_hosts.add(path, shown.settings.entry, keys)
    report.line("    ", Styled("✓", "green"), f" stored in {path}")


def _compare_with_pinned(report: Report, host: Host, shown: ServerKeys) -> None:
    prints = [fingerprint(key) for key in shown.keys]
    kind = kind_of(shown.keys[0])
    first = f'set `host_key = "{prints[0]}"` in [hosts.{_toml_key(host.name)}]. This is the {kind} key, which ssh prefers.'
    if host.host_key in prints:
        report.line("    host_key in hosts.toml is one of these keys, so there is nothing to store.")
        if host.host_key != prints[0]:
            report.line(f"    To log in with one connection instead of several, {first}")
    else:
        raise SelvedgeError(
            f"{host.name}: THE SERVER'S HOST KEY HAS CHANGED. hosts.toml has {host.host_key}, but the server does not show this "
            "key. Someone may be intercepting the connection, or the server was reinstalled. Nothing was stored.",
            "If the server was reinstalled, compare the new keys with the ones on your provider's console. If they match, "
            f"{first}",
        )


def _changed(host: Host, shown: ServerKeys, known: Known) -> SelvedgeError:
    now = {key.kind: key for key in shown.keys}
    changes = [
        f"{kind_of(key)}: known_hosts has {fingerprint(key)}, the server shows "
        f"{fingerprint(now[key.kind]) if key.kind in now else 'none'}"
        for key in dict.fromkeys(line.key for line in known.keys)
        if now.get(key.kind) != key
    ]
    again = f"{known_hosts.forget_commands(shown.settings.known_hosts, shown.settings.entry)}\n    fab -H {host.name} trust"
    first = shown.keys[0]
    if known.has(first):
        return SelvedgeError(
            f"{host.name}: a host key has changed. {'; '.join(changes)}. The {kind_of(first)} key, which logins use, is unchanged. "
            "Nothing was stored.",
            f"`fab harden` replaces a weak RSA key. If you ran it, remove the old key and accept the new one:\n{again}",
        )
    return SelvedgeError(
        f"{host.name}: THE SERVER'S HOST KEY HAS CHANGED. {'; '.join(changes)}. Someone may be intercepting the "
        "connection, or the server was reinstalled. Nothing was stored.",
        "If the server was reinstalled, compare the new keys with the ones on your provider's console. If they match, remove "
        f"the old keys and accept the new ones:\n{again}",
    )


def _revoked(host: Host, place: str, key: HostKey) -> SelvedgeError:
    return SelvedgeError(
        f"{host.name}: the server shows the {kind_of(key)} host key {fingerprint(key)}, which {place} marks as revoked. Nothing "
        "was stored.",
        "Someone else may have this key. Make new host keys on the server over your provider's console, then run "
        f"`fab -H {host.name} trust` again.",
    )


def _toml_key(name: str) -> str:
    return name if all(char.isalnum() or char in "-_" for char in name) and name.isascii() else f'"{name}"'
