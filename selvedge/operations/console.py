"""`fab console`: an interactive Python in the folder, environment and virtual environment of the live release."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from typing import NoReturn

from selvedge.config.target import Target
from selvedge.operations.ssh import replace
from selvedge.operations.support.each_host import nothing_live, only_host
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words

# What is typed may hold secrets, and the home of the app's user is the folder of the app's own files.
WITHOUT_HISTORY = "PYTHON_HISTORY=/dev/null"
"""The history file of Python's own prompt, from Python 3.13 on (https://docs.python.org/3/using/cmdline.html#envvar-PYTHON_HISTORY)."""


def console(run: Run) -> NoReturn:
    """Replace this process with ssh and Python on the only host of the run: a prompt, or the program from standard input.

    At the prompt, `await` works outside of functions. Raises UsageError for several hosts, SelvedgeError if nothing is live,
    UnreachableError.
    """
    session = only_host(run.of_app(), "console")
    result = session.run(call("command_live", given=session.target.shell_values))
    if result.status == 3:
        raise nothing_live(session.name)
    if result.status != 0:
        raise session.lost("while reading which release is live")
    live, *contained = result.output.split()
    python = ("python", "-m", "asyncio") if sys.stdin.isatty() else ("python", "-")
    sudo = "" if session.remote.user == "root" else "sudo "
    shell = (_in_container if contained else _on_server)(session.target, live, python, sudo)
    # The user's login shell may be another.
    replace(session, words("sh", "-c", shell))


def _on_server(app: Target, live: str, python: Sequence[str], sudo: str) -> str:
    """Return shell that runs Python as `command_run` in shell/lib/ does: as the app's user, with its variables only."""
    user = quote(app.name)
    rights = f"setpriv --reuid={user} --regid=$(id -g {user}) --init-groups --no-new-privs --bounding-set=-all --"
    variables = words(f"USER={app.name}", f"LOGNAME={app.name}", "LANG=C.UTF-8", WITHOUT_HISTORY)
    command = words(f"{app.paths.instances}/{live}/run", *python)
    return f'cd / && exec {sudo}{rights} env -i {variables} TERM="${{TERM:-dumb}}" {command}'


def _in_container(app: Target, live: str, python: Sequence[str], sudo: str) -> str:
    """Return shell that runs Python in a container of its own, which is removed when Python or the connection ends."""
    folder = f"{app.paths.instances}/{live}"
    name = f"{app.name}.{live}.console-{secrets.token_hex(4)}"
    options = ["--rm", "--init", "--log-driver", "none", "--env", WITHOUT_HISTORY, "-it" if sys.stdin.isatty() else "-i"]
    remove = words("trap", f"{sudo}docker rm -f -v {name} >/dev/null 2>&1 || :", "EXIT")
    command = words(f"{folder}/container", name, *options, "--", f"{folder}/run", *python)
    return f"{remove}; trap 'exit 129' HUP TERM; {sudo}{command}"
