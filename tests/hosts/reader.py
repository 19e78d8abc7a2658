"""Someone who follows a page of the documentation: their machine, their app, and the servers that the page names."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from installed import build
from lab import FAB, IDENTITY, PARTS, ROOT, Lab
from sandbox import Server
from terminal import Terminal
from tests.support.pages import Command, File, differences

ON_SERVER = Path(__file__).with_name("on_server.py")
CI_JOB = Path(__file__).with_name("ci_job.py")
SELVEDGE = (*PARTS, "requirements.txt", "examples")
BLOG = {
    "main.py": """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def home() -> dict[str, str]:
    return {"message": "Hello from my server"}
""",
    "requirements.txt": "fastapi\n",
}
"""The app of the tutorial."""
HOSTS = """\
[app]
name = "blog"
repository = "../blog"

[hosts.server]
address = "203.0.113.10"
"""
TWO_HOSTS = """\
[app]
name = "blog"
repository = "../blog"

[hosts.web-1]
address = "203.0.113.10"

[hosts.web-2]
address = "203.0.113.11"

[groups]
production = ["web-1", "web-2"]
"""
ADDRESSES = ("203.0.113.10", "203.0.113.11")


WHEELS = tempfile.TemporaryDirectory(prefix="selvedge-wheel-")
"""It is deleted at the end of the process."""


@functools.cache
def wheel() -> Path:
    """Build the wheel that readers install, once in each process of a test run."""
    return build(Path(WHEELS.name))


class Reader:
    """A reader and their machine.

    folder: holds `blog`, the app's repository, and `selvedge`, their clone, unless `blank`. servers: in the order of
    ADDRESSES. names: host name → address. variables: more of the environment. Without Selvedge, pip finds it as a wheel.

    In PATH are `on-server COMMAND` and `on-server-2 COMMAND`, which run a command on a server as root, without ssh, and
    `ci-job FILE JOB`, which runs a job as a CI service does.
    """

    def __init__(
        self, folder: Path, servers: list[Server], *, hosts: str = HOSTS, blank: bool = False,
        names: Mapping[str, str] | None = None, variables: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.servers, self.blank = folder, servers, blank
        self.home = folder / "home"
        self._make_home()
        self._make_clone(folder / "clone")
        if not blank:
            shutil.copytree(folder / "clone", folder / "selvedge")
            (folder / "selvedge/hosts.toml").write_text(self._real(hosts))
            self.make_blog()
        resolved = folder / "hosts"
        lines = [f"{address} {name}\n" for name, address in (names or {}).items()]
        resolved.write_text(Path("/etc/hosts").read_text() + "".join(lines))
        replaced = {Path("/root/.ssh"): self.home / ".ssh", Path("/etc/hosts"): resolved}
        Path("/root/.ssh").mkdir(mode=0o700, exist_ok=True)
        self.terminal = Terminal(folder, self._environment(variables or {}), replaced)
        if not blank:
            self.terminal.run("cd selvedge")

    def follow(self, part: Command | File) -> str:
        """Type a command or write a file. Return what differs from the page's output, or "".

        Raises AssertionError if the command ends with another exit status than the page says.
        """
        if isinstance(part, File):
            path = Path(self.terminal.run("pwd").text.strip(), part.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._real(part.text))
            return ""
        output = self.terminal.run(self._real(part.text), part.answers)
        shown = self._shown(output.text)
        place = f"line {part.line}: $ {part.text}"
        assert output.status == part.status, f"{place}\nended with status {output.status}:\n{shown}"
        missing = differences(part.output, shown)
        return f"{place}\nshows no line like this at its place: {missing}\nthe output:\n{shown}" if missing else ""

    def must(self, command: str) -> None:
        """Run a command. Raises AssertionError with its output if it fails."""
        output = self.terminal.run(command)
        assert output.status == 0, f"{command}: {output.text}"

    def _real(self, text: str) -> str:
        """Return text of a page with the servers' real addresses."""
        for server, address in zip(self.servers, ADDRESSES, strict=False):
            text = text.replace(address, server.address)
        return text

    def _shown(self, text: str) -> str:
        """Return output as the page shows it."""
        for server, address in zip(self.servers, ADDRESSES, strict=False):
            text = text.replace(server.address, address)
        return text.replace(str(self.home), "/home/me").replace(str(self.folder), "/home/me")

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("TMPDIR", "PIP_CONFIG_FILE", "SSL_CERT_FILE") if name in os.environ}
        path = f"{self.folder / 'bin'}:{FAB.parent}:{os.environ['PATH']}"
        found = {"PIP_FIND_LINKS": str(wheel().parent)} if self.blank else {}
        return {**kept, **found, **IDENTITY, "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"), "PATH": path,
                "HOME": str(self.home), "LANG": "C.UTF-8", **variables}  # fmt: skip

    def _make_home(self) -> None:
        """Make the home folder, with an SSH key that logs in to the servers, and the programs of `bin`."""
        ssh = self.home / ".ssh"
        ssh.mkdir(parents=True, mode=0o700)
        shutil.copy2(self.servers[0].key, ssh / "id_ed25519")
        shutil.copy2(f"{self.servers[0].key}.pub", ssh / "id_ed25519.pub")
        git = f'[init]\n\tdefaultBranch = main\n[url "{self.folder}/"]\n\tinsteadOf = https://git.example.com/\n'
        (self.home / ".gitconfig").write_text(git)
        (self.home / ".curlrc").write_text("silent\nshow-error\n")  # At a terminal, curl shows no progress meter.
        self.program("python3", f'exec {sys._base_executable} "$@"')  # type: ignore[attr-defined]
        self.program("ci-job", f'PYTHONPATH="{ROOT}" exec {sys.executable} {CI_JOB} "$@"')
        place = os.environ.get("SELVEDGE_SANDBOX_DIR", "")
        for number, server in enumerate(self.servers, 1):
            call = f"{sys.executable} {ON_SERVER} {server.name}"
            script = f'PYTHONPATH="{ROOT}" SELVEDGE_SANDBOX_DIR="{place}" exec {call} "$*"'
            self.program("on-server" if number == 1 else f"on-server-{number}", script)

    def program(self, name: str, script: str) -> None:
        """Add a program to the reader's PATH. Pages call these in hidden commands."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def _make_clone(self, folder: Path) -> None:
        """Make the repository that the page clones Selvedge from, with the files as they are here."""
        folder.mkdir()
        for part in SELVEDGE:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        (folder / ".gitignore").write_text(".venv\n.env\n__pycache__\n")
        _commit(folder)
        (self.folder / "selvedge.git").symlink_to(folder)

    def make_blog(self) -> None:
        """Make the app's repository."""
        blog = self.folder / "blog"
        blog.mkdir()
        for name, text in BLOG.items():
            (blog / name).write_text(text)
        _commit(blog)


def _commit(folder: Path) -> None:
    """Make a repository of a folder. Its commit has the same hash in every test."""
    environment = {**os.environ, **IDENTITY}
    for words in (["init", "-q", "-b", "main"], ["add", "--all"], ["commit", "-q", "-m", "The first version"]):
        subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True)


def deployed_server(lab: Lab, folder: Path) -> Server:
    """Return a server on which the tutorial's app is live."""

    def prepare(server: Server) -> None:
        reader = Reader(folder / server.name, [server])
        reader.must("fab trust --yes && fab setup deploy")
        reader.terminal.close()

    return lab.copy("blog-bookworm", prepare)
