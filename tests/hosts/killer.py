"""Kill fab during one of the commands that it sends to a server."""

from __future__ import annotations

import signal

from lab import Project

KILLER = """

import os, signal, time
from selvedge.ssh.connection import Remote

_start, _sent = Remote._start, []

def _counted(self, script):
    channel = _start(self, script)
    last = script.rstrip().splitlines()
    _sent.append(last[-4] if last[-3:-2] == [")"] else "")
    with open("sent", "w") as file:
        file.write("\\n".join(_sent))
    if len(_sent) == int(os.environ["KILL_AT"]):
        time.sleep(0.6)  # The server has started the command.
        os.kill(os.getpid(), signal.SIGKILL)
    return channel

Remote._start = _counted
"""


def arm(project: Project) -> None:
    """Have the project's fab count its commands, and kill itself where `commands_sent` tells it to."""
    fabfile = project.folder / "fabfile.py"
    fabfile.write_text(fabfile.read_text() + KILLER)


def commands_sent(project: Project, host: str, *tasks: str, kill_at: int = 0) -> list[str]:
    """Run tasks, killed during command number `kill_at` (0: not at all). Return the last line of each command sent."""
    result = project.fab("-H", host, *tasks, env={"KILL_AT": str(kill_at)})
    assert result.status == (-signal.SIGKILL if kill_at else 0), result
    return (project.folder / "sent").read_text().split("\n")
