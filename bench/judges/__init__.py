"""Judges that know nothing of Selvedge, on a server as `fab setup deploy` leaves it: `python -m bench.judges`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.place import Project, Server
from pebble import Pebble

NAME = "hello.test"
TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "selvedge" / "judges"


@dataclass(frozen=True)
class Verdict:
    """What a judge found, beside the limit that it is held to. `kept` None: there is no limit."""

    judge: str
    measure: str
    found: str
    limit: str = ""
    kept: bool | None = None


@dataclass(frozen=True)
class Bench:
    """What is judged: the server, another one that looks at it from outside, and the authority of its certificate."""

    server: Server
    other: Server
    project: Project
    pebble: Pebble

    def deploy(self, **app: object) -> None:
        """Release the sample app over HTTPS, with these keys of [app] beside the usual ones."""
        tls = {"acme_server": self.pebble.directory, "acme_ca": str(self.pebble.ca), "hsts": 31536000}
        lines = [f"{key} = {json.dumps(value)}" for key, value in tls.items()]
        self.project.configure("\n".join(["[tls]", *lines]), domains=[NAME], **app)
        self.project.must("-H", self.server.name, "deploy")


Judge = Callable[[Bench], list[Verdict]]


def tool(requirement: str, program: str) -> str:
    """A program of a Python package, in a virtual environment of the judges' own; its path."""
    path = TOOLS / "bin" / program
    if not path.exists():
        subprocess.run([sys.executable, "-m", "venv", str(TOOLS)], check=True)
        subprocess.run([str(TOOLS / "bin" / "pip"), "install", "--quiet", requirement], check=True)
    return str(path)


def output(*command: str, timeout: float = 600) -> str:
    """All that a command writes, whatever its exit status says."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=timeout)
    return done.stdout + done.stderr
