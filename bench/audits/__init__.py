"""Third-party security audits of a server after `fab setup deploy`: `python -m bench.audits`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.common import Project, Server
from pebble import Pebble

NAME = "hello.test"
ALL_ON = "[metrics]\nenabled = true\n[notify]\nfrom_servers = true\n"
"""More lines of hosts.toml for `--all-on`."""
TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "selvedge" / "audits"


@dataclass(frozen=True)
class Result:
    """One measure of an audit tool, its value and its limit. `passed` is None if there is no limit."""

    tool: str
    measure: str
    value: str
    limit: str = ""
    passed: bool | None = None


@dataclass(frozen=True)
class Setup:
    """The audited server, another server that sees it from outside, and its certificate authority.

    more: lines of hosts.toml. env: variables of fab.
    """

    server: Server
    other: Server
    project: Project
    pebble: Pebble
    more: str = ""
    env: dict[str, str] = field(default_factory=dict)

    def deploy(self, **app: object) -> None:
        """Deploy the sample app over HTTPS. `app` has additional keys of [app]."""
        tls = {"acme_server": self.pebble.directory, "acme_ca": str(self.pebble.ca), "hsts": 31536000}
        lines = [f"{key} = {json.dumps(value)}" for key, value in tls.items()]
        self.project.configure("\n".join(["[tls]", *lines, self.more]), domains=[NAME], **app)
        self.fab("deploy")

    def fab(self, *words: str) -> None:
        """Run fab for the audited server. Raises AssertionError if it fails."""
        self.project.must("-H", self.server.name, *words, env=self.env)


Audit = Callable[[Setup], list[Result]]


def tool(requirement: str, program: str) -> str:
    """Install a Python package in the audits' virtual environment if needed; return the path of its program."""
    path = TOOLS / "bin" / program
    if not path.exists():
        subprocess.run([sys.executable, "-m", "venv", str(TOOLS)], check=True)
        subprocess.run([str(TOOLS / "bin" / "pip"), "install", "--quiet", requirement], check=True)
    return str(path)


def output(*command: str, timeout: float = 600) -> str:
    """Return a command's standard output and standard error, whatever its exit status is."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=timeout)
    return done.stdout + done.stderr
