"""A worker and a scheduler beside the sample app, which say on the server whether two of one kind ever ran at once."""

from __future__ import annotations

import re
from pathlib import Path

from drills import QUICK
from lab import Project, until
from sandbox import Server

PROGRAM = '''
"""Runs until TERM. A name with a lock must never run twice."""
import fcntl, os, signal, sys, time

name, *wishes = sys.argv[1:]
me = f"{name} {os.environ['PROCESS_NUMBER']} of {os.environ['RELEASE']}"
ended = []
signal.signal(signal.SIGTERM, lambda *_: None if "deaf" in wishes else ended.append(1))
if "alone" in wishes:
    lock = open(f"{os.environ['APP_SHARED']}/{name}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        open(f"{os.environ['APP_SHARED']}/twice", "a").write(f"{me}\\n")
print(f"{me} begins", flush=True)
began = time.monotonic()
while not ended:
    time.sleep(0.05)
    if "fragile" in wishes and time.monotonic() - began > 3:
        sys.exit("no strength left")
slow = [each for each in wishes if each.startswith("slow")]
if slow:
    open(f"{os.environ['APP_SHARED']}/stops", "a").write("asked\\n")
    time.sleep(float(slow[0].partition("=")[2] or 3))
    open(f"{os.environ['APP_SHARED']}/stops", "a").write("ended\\n")
time.sleep(0.3)
print(f"{me} has ended well", flush=True)
'''


def tables(worker: str = "python worker.py worker", count: int = 2, beat: str = "python worker.py beat alone") -> str:
    """Return [processes] with these commands, the beat without overlap."""
    return (
        f'[processes.worker]\ncommand = "{worker}"\ncount = {count}\nstop_timeout = 4\n'
        f'[processes.beat]\ncommand = "{beat}"\noverlap = false\nstop_timeout = 4\n'
    )


def add_program(app: Path) -> None:
    """Add worker.py to the app: a change for Project.commit."""
    (app / "worker.py").write_text(PROGRAM)


def configure(project: Project, manager: str, text: str = "", **app: object) -> None:
    """Configure short waits, this process manager and [processes], by default those of `tables`."""
    project.configure(text or tables(), **QUICK | {"manager": manager} | app)


def running(server: Server) -> dict[str, str]:
    """Return the processes of the app by their ids, each as "NAME NUMBER of RELEASE"."""
    script = (
        "for pid in $(pgrep -u hello -f '[w]orker.py'); do\n"
        "echo $pid $(tr '\\0' '\\n' </proc/$pid/environ | grep '^PROCESS_NUMBER=\\|^RELEASE=' | sort | sed 's/.*=//')"
        " $(tr '\\0' ' ' </proc/$pid/cmdline); done"
    )
    lines = server.run(script, check=False).stdout.splitlines()
    # A process that has just ended has no words.
    words = [match.groups() for line in lines if (match := re.fullmatch(r"(\d+) (\d+) (\S+) .*worker\.py (\w+).*", line))]
    return {pid: f"{name} {number} of {release}" for pid, number, release, name in words}


def kinds(server: Server) -> list[str]:
    """Return what runs, sorted: "NAME of RELEASE"."""
    return sorted(re.sub(r" \d+ of ", " of ", each) for each in running(server).values())


def settled(server: Server, release: str, workers: int = 2) -> None:
    """Wait until only this release's processes run."""
    wanted = sorted([f"beat of {release}", *[f"worker of {release}"] * workers])
    until(lambda: kinds(server) == wanted, 20, f"only {wanted}")


def twice(server: Server) -> str:
    """Return what ran although another one of its kind did."""
    return server.run("cat /srv/hello/shared/twice 2>/dev/null", check=False).stdout


def killed(server: Server) -> list[str]:
    """Return the logs of processes that were killed, except those that run."""
    script = "grep -L 'has ended well' /var/log/hello/*@*.log"
    logs = {Path(line).stem for line in server.run(script, check=False).stdout.split()}
    now = {f"{release}.{name}@{number}" for name, number, _, release in (each.split() for each in running(server).values())}
    return sorted(logs - now)
