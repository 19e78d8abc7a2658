"""Run a script as root by sudo, and explain sudo's refusals."""

from __future__ import annotations

import re

from selvedge.errors import SelvedgeError

_PROGRESS = re.compile(r"^@[0-9a-f]{12} ")


_SCRIPT = 'IFS= read -r size && eval "$(head -c "$size")"'
SHELL = f"/bin/sh -c '{_SCRIPT}'"
"""A command that runs a script as the login user. It reads the same input as that of `command`."""


def command(user: str, password: str) -> tuple[str, bytes]:
    """Return a command that runs a script as root, and the bytes to send to it first.

    Its standard input is these bytes, a line with the size of the script in bytes, the script, and the script's own input.
    The command means the same in sh, bash, fish and tcsh: the login shell may be any of them. The password is only in the
    bytes.
    """
    if user == "root":
        return SHELL, b""
    # LC_ALL=C: `refusal` knows the messages of sudo and sudo-rs in English only.
    if not password:
        return f"env LC_ALL=C sudo -n {SHELL}", b""
    # If sudo asks for no password, `read` drops the line that has it. If the password is wrong, sudo's further attempts
    # read the empty lines, so that they never take a line of the script for a password.
    choose = (
        "LC_ALL=C; export LC_ALL; "
        "if sudo -n true 2>/dev/null; then IFS= read -r ignored; exec sudo -n /bin/sh -c \"$0\"; "
        "else exec sudo -S -p \"\" /bin/sh -c \"$0\"; fi"
    )
    return f"/bin/sh -c '{choose}' 'head -c 7 >/dev/null; {_SCRIPT}'", password.encode() + b"\n" + b"\n" * 7


def refusal(host: str, user: str, status: int, output: str) -> SelvedgeError | None:
    """Return the error if sudo did not run the script; None if it did, even if the script failed."""
    lines = [line.strip() for line in output[-2000:].splitlines() if line.strip()]
    # A script that has reported progress was started by sudo. Otherwise sudo's message is the last of the output.
    if status == 0 or user == "root" or any(_PROGRESS.match(line) for line in lines):
        return None
    said = "\n".join(lines[-3:])
    for pattern, problem, remedy in _REFUSALS:
        if re.search(pattern, said, re.MULTILINE):
            last = lines[-1].partition(": ")[2].rstrip(".")
            return SelvedgeError(f"{host}: {problem.format(user=user, said=last)}", remedy.format(user=user, host=host))
    return None


_REFUSALS = (
    (
        r"incorrect (password|authentication) attempt|Sorry, try again|Authentication failed, try again",
        "sudo rejected the password of {user}.",
        "Run the same command with `fab --prompt-for-sudo-password …`, or correct SELVEDGE_SUDO_PASSWORD.",
    ),
    (
        r"sudo: a password is required|sudo: no password was provided|sudo(-rs)?: .*(nteraction|nteractive authentication) is "
        r"required|sudo(-rs)?: Authentication required but not attempted",
        "sudo asks {user} for a password.",
        "Run the same command with `fab --prompt-for-sudo-password …`, or set SELVEDGE_SUDO_PASSWORD.",
    ),
    (
        r"is not in the sudoers file|may not run |is not allowed to execute|^sudo(-rs)?: I'm sorry ",
        "{user} may not use sudo.",
        "Run `usermod -aG sudo {user}` on the server as root.",
    ),
    (
        r"sudo.*(not found|No such file)",
        "sudo is not installed on the server, and {user} is not root.",
        "Run `apt-get install sudo` on the server as root.",
    ),
    (
        r"sudo(-rs)?: .*(must have a tty|terminal is required)",
        "the server's sudoers file requires a terminal (requiretty).",
        "Run `visudo` on the server as root, and delete the line `Defaults requiretty`.",
    ),
    (
        r"sudo(-rs)?: .*(account|password|Account|Password).*(expired|locked)",
        "sudo refused {user}. It said: {said}.",
        "On the server as root, `chage -l {user}` shows what has expired. `passwd {user}` sets a new password, and "
        "`chage -E -1 {user}` lets the account never expire.",
    ),
    # Warnings, after which sudo goes on, are left out.
    (
        r"^sudo(-rs)?: (?!unable to resolve host)[^\n]*$(?![\s\S])",
        "sudo did not run a command for {user}. It said: {said}.",
        "Correct that on the server as root. `sudo id` as {user} must print a user there.",
    ),
)
