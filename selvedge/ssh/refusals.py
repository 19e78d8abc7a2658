"""The message for a server that rejects a login: what was offered to it, what it said, and what to do about that."""

from __future__ import annotations

from collections.abc import Sequence

from selvedge.config.hosts import Host
from selvedge.errors import UnreachableError
from selvedge.shell.quoting import quote
from selvedge.ssh.authentication import REFUSED, LoginRefused, Offer
from selvedge.ssh.failures import BANNED, ssh_command
from selvedge.ssh.private_keys import LOCKED, PUBLIC, PUTTY, TOKEN

SHOWN = 6
"""Offers that a message lists."""


def login_refused(host: Host, refusals: Sequence[LoginRefused], *, jump_host: str = "") -> UnreachableError:
    """Return the error for a server, or a jump host, that rejects the logins of these users."""
    last = refusals[-1]
    users = list(dict.fromkeys(each.settings.user for each in refusals))
    server = f"the jump host {jump_host}" if jump_host else "the server"
    rejected = f"the jump host {jump_host} rejected the login as" if jump_host else "the server rejected the login as"
    said = next((f" It said: {each.said}." for each in refusals if each.said), "")
    tried = [each for each in last.offers if each.result == REFUSED]
    unusable = [each for each in last.offers if each.result != REFUSED]
    logins = " and as ".join(users)
    parts = [f"{host.name}: {rejected} {logins}.{said}"]
    if tried:
        more = f" and {len(tried) - SHOWN} more" if len(tried) > SHOWN else ""
        parts.append(f"It was offered {', '.join(each.what for each in tried[:SHOWN])}{more}.")
    else:
        parts = [f"{host.name}: could not log in to {server} as {logins}, because no key could be offered.{said}"]
    if last.closed and not last.said:
        parts.append("Then it closed the connection.")
    parts += [f"Not offered: {each.what}, which {each.result}." for each in map(_worded, unusable[:SHOWN])]
    for option in sorted(set(last.settings.ignored) & {"PKCS11Provider", "HostbasedAuthentication"}):
        parts.append(f"Selvedge does not use {option} of ssh's configuration.")
    if last.agent_problem:
        parts.append(f"The SSH agent {last.agent}: {last.agent_problem}.")
    elif not last.agent and not host.key and not tried:
        parts.append("There is no SSH agent: SSH_AUTH_SOCK is not set, and ssh's configuration names none.")
    return UnreachableError(" ".join(parts), _remedy(host, last, tried, unusable, jump_host))


def _worded(offer: Offer) -> Offer:
    """Return the offer with its result as a part of a sentence."""
    verbs = (LOCKED, PUBLIC)
    result = offer.result if offer.result in verbs or offer.result.startswith("is ") else f"is not usable: {offer.result}"
    return Offer(offer.what, result, offer.file)


def _remedy(host: Host, last: LoginRefused, tried: Sequence[Offer], unusable: Sequence[Offer], jump_host: str) -> str:
    test = f"`{ssh_command(host, last.settings.user)}`"
    setting = "IdentityFile in ~/.ssh/config" if jump_host else f"hosts.{host.name}.key in hosts.toml"
    if "too many authentication failures" in last.said.lower() or (last.closed and len(tried) > 1):
        return (
            f"The server stops after a few keys, and the right one was not among the first {len(tried)}. Name it: {setting}. Then "
            "only this key is offered."
        )
    if unusable and (remedy := _remedy_for_file(unusable[0], setting)):
        return remedy
    if unusable and unusable[0].result.startswith("accepted"):
        return "Selvedge logs in by key, and with a password from `--prompt-for-login-password`. Allow one of them for this user."
    if "PKCS11Provider" in last.settings.ignored and not tried:
        return "Add the keys of the provider to the SSH agent: `ssh-add -s FILE`, with the file that PKCS11Provider names."
    if unusable and not tried:
        return f"Correct the file or its path: {setting}."
    if not tried:
        return (
            "Create a key with `ssh-keygen -t ed25519`, and add its public half (~/.ssh/id_ed25519.pub) to this user's "
            f"~/.ssh/authorized_keys on the server, over your provider's console. {_password(last)}"
        )
    return (
        f"Test the login: {test}. If it fails, add your public key to this user's ~/.ssh/authorized_keys on the server, or set the "
        f"right private key: {setting}. {_password(last)}{BANNED}"
    )


def _remedy_for_file(offer: Offer, setting: str) -> str:
    """Return what to do about a key that could not be offered, "" for a reason without a remedy of its own."""
    file = quote(str(offer.file))
    if offer.result == LOCKED:
        return (
            f"Add the key to the SSH agent with `ssh-add {file}`, or add `--prompt-for-passphrase` to the command. If the "
            "server does not know this key, its public half belongs in ~/.ssh/authorized_keys there."
        )
    if offer.result == TOKEN:
        return f"Add the key to the SSH agent with `ssh-add {file}`, which asks the token when it is used."
    if offer.result == PUTTY:
        fresh = quote(f"{offer.file}.openssh")
        return f"Convert it: `puttygen {file} -O private-openssh -o {fresh}`. Then set {setting} to the new file."
    if offer.result.startswith("other users can read it"):
        return f"Like ssh, Selvedge does not use such a key. Make it yours alone: `chmod 600 {file}`."
    if offer.result == PUBLIC:
        private = str(offer.file).removesuffix(".pub")
        return f"Set the private key, {private}, as {setting}, or add it to the SSH agent: `ssh-add {quote(private)}`."
    return ""


def _password(last: LoginRefused) -> str:
    if "publickey" in last.methods or "password" not in last.methods:
        return ""
    return "The server takes passwords, but no keys, for this user: add `--prompt-for-login-password` to the command. "
