"""Logins that the server accepts and answers with words instead of running the command."""

from __future__ import annotations

import re

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError
from selvedge.ssh.failures import ssh_command

_PROGRESS = re.compile(r"^@[0-9a-f]{12} ", re.MULTILINE)
_OTHER_USER = re.compile(r"^Please log ?in as the user \W?([a-z_][a-z0-9_.-]*)\W? rather than", re.MULTILINE | re.IGNORECASE)
_WORDS = (
    (
        r"^(WARNING: Your password has expired|Password change required|You are required to change your password)",
        "{host}: {user} can log in, but the server wants a new password for {user} first. It said: {said}.",
        "Set one: `{ssh}` asks for the present password and for a new one. If you do not know the present one, run `passwd {user}` "
        "as root on your provider's console. Then run the same command again.",
    ),
    (
        r"^Your account has expired",
        "{host}: the account of {user} on the server has expired. It said: {said}.",
        "Run `chage -E -1 {user}` on the server as root, over your provider's console.",
    ),
    (
        r"^This account is currently not available",
        "{host}: {user} may not run commands on the server, because its login shell is nologin. It said: {said}.",
        "{other}Run `usermod --shell /bin/bash {user}` on the server as root, over your provider's console.",
    ),
    (
        r"^This service allows sftp connections only",
        "{host}: {user} may only transfer files on the server. It said: {said}.",
        "{other}Remove ForceCommand for {user} from the server's /etc/ssh/sshd_config.",
    ),
)


def login_problem(host: Host, user: str, status: int, output: str) -> SelvedgeError | None:
    """Return the error for a login that was answered with words that are known; None for any other output of a script."""
    if status == 0 or _PROGRESS.search(output):
        return None
    if found := _OTHER_USER.search(output):
        return SelvedgeError(
            f"{host.name}: the server does not let {user} run commands. It said: {_sentence(found[0], output)}.",
            f'Set `bootstrap_user = "{found[1]}"` in [hosts.{host.name}] of hosts.toml, then run the same command again.',
        )
    for pattern, problem, remedy in _WORDS:
        if found := re.search(pattern, output, re.MULTILINE):
            other = "Set `bootstrap_user` in hosts.toml to a user that may. Or: " if user != host.user else ""
            names = {"host": host.name, "user": user, "said": _sentence(found[0], output), "other": other}
            return SelvedgeError(problem.format(**names), remedy.format(**names, ssh=ssh_command(host, user)))
    return None


def _sentence(begin: str, output: str) -> str:
    """Return the line of the output that begins like this."""
    return next(line for line in output.splitlines() if line.startswith(begin.splitlines()[0])).strip().rstrip(".")[:200]
