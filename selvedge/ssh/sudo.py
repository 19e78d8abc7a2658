"""How the login user becomes root: the command that runs a script by sudo, and what sudo says where it refuses."""

from __future__ import annotations

import re

from selvedge.errors import SelvedgeError

_MARK = re.compile(r"^@[0-9a-f]{12} ")


def command(user: str, password: str) -> tuple[str, bytes]:
    """The command that runs, as root, a script from standard input, and what comes before it there: the script follows
    behind a line with its size in bytes.

    It reads the same in sh, bash, fish and tcsh, whichever the login shell is. The password never stands in it.
    """
    script = 'IFS= read -r size && eval "$(head -c "$size")"'
    shell = f"/bin/sh -c '{script}'"
    if user == "root":
        return shell, b""
    # What sudo refuses with is told apart by its words, which are other ones in other languages.
    if not password:
        return f"env LC_ALL=C sudo -n {shell}", b""
    # Where no password is asked, the line that holds it is read and dropped. The empty lines are eaten by sudo's
    # further attempts when the password is wrong, so that it never takes a line of the script for one.
    choose = (
        "LC_ALL=C; export LC_ALL; "
        "if sudo -n true 2>/dev/null; then IFS= read -r ignored; exec sudo -n /bin/sh -c \"$0\"; "
        "else exec sudo -S -p \"\" /bin/sh -c \"$0\"; fi"
    )
    return f"/bin/sh -c '{choose}' 'head -c 7 >/dev/null; {script}'", password.encode() + b"\n" + b"\n" * 7


def refusal(host: str, user: str, status: int, output: str) -> SelvedgeError | None:
    """What to tell where sudo did not run the script; None where it did, whatever the script then said or did."""
    lines = [line.strip() for line in output[-2000:].splitlines() if line.strip()]
    # Sudo's words are the last ones; a script that reports its progress has begun, so sudo let it.
    if status == 0 or user == "root" or any(_MARK.match(line) for line in lines):
        return None
    said = "\n".join(lines[-3:])
    for pattern, problem, remedy in _REFUSALS:
        if re.search(pattern, said):
            return SelvedgeError(f"{host}: {problem.format(user=user)}", remedy.format(user=user, host=host))
    return None


_REFUSALS = (
    (
        r"incorrect password attempt|Sorry, try again",
        "sudo refused the password of {user}.",
        "Give the right one: --prompt-for-sudo-password asks for it, SELVEDGE_SUDO_PASSWORD holds it.",
    ),
    (
        r"sudo: a password is required|sudo: no password was provided",
        "sudo asks {user} for a password.",
        "Run the same command with `fab --prompt-for-sudo-password …`, or set SELVEDGE_SUDO_PASSWORD.",
    ),
    (
        r"is not in the sudoers file|may not run sudo|is not allowed to execute",
        "{user} may not use sudo.",
        "As root on the server: `usermod -aG sudo {user}`, or run `fab -H {host} harden` as root.",
    ),
    (
        r"sudo.*(not found|No such file)",
        "sudo is not installed on the server, and {user} is not root.",
        "As root on the server: `apt-get install sudo`.",
    ),
    (
        r"sudo: .*must have a tty",
        "the server's sudoers file demands a terminal (requiretty).",
        "Take the line `Defaults requiretty` out of it with visudo.",
    ),
)
