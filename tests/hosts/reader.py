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
from lab import FAB, IDENTITY, ROOT, Lab
from sandbox import Server
from selvedge.cli.written import FABFILE, FABRIC
from terminal import Terminal
from tests.support.pages import Command, File, differences

ON_SERVER = Path(__file__).with_name("on_server.py")
CI_JOB = Path(__file__).with_name("ci_job.py")
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
repository = "."

[hosts.server]
address = "203.0.113.10"
"""
TWO_HOSTS = """\
[app]
name = "blog"
repository = "."

[hosts.web-1]
address = "203.0.113.10"

[hosts.web-2]
address = "203.0.113.11"

[groups]
production = ["web-1", "web-2"]
"""
IGNORED = "/production.env\n/.env\n/.venv/\n__pycache__/\n"
ADDRESSES = ("203.0.113.10", "203.0.113.11")


WHEELS = tempfile.TemporaryDirectory(prefix="selvedge-wheel-")
"""It is deleted at the end of the process."""


@functools.cache
def wheel() -> Path:
    """Build the wheel that readers install, once in each process of a test run."""
    return build(Path(WHEELS.name))


@functools.cache
def programs() -> Path:
    """Return the folder with `fab`, `selvedge` and `python` of an environment that has the wheel, once in each process."""
    environment, uv = Path(WHEELS.name, "environment"), Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys._base_executable, environment], check=True)  # type: ignore[attr-defined]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", environment / "bin/python", wheel()], check=True)
    return environment / "bin"


class Reader:
    """A reader and their machine.

    folder: holds `blog`, the app's repository, in which the reader is. Unless `blank`, they have installed Selvedge, and
    `selvedge init` has written its files into the repository. servers: in the order of ADDRESSES. names: host name → address.
    variables: more of the environment. A blank reader has an empty folder, and pip finds Selvedge as a wheel.

    $EXAMPLES is the folder examples/. In PATH are `on-server COMMAND` and `on-server-2 COMMAND`, which run a command on a server as
    root, without ssh, and `ci-job FILE JOB`, which runs a job as a CI service does.
    """

    def __init__(
        self, folder: Path, servers: list[Server], *, hosts: str = HOSTS, blank: bool = False,
        names: Mapping[str, str] | None = None, variables: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.servers, self.blank = folder, servers, blank
        self.home = folder / "home"
        self._make_home()
        if not blank:
            self.make_blog(hosts)
        resolved = folder / "hosts"
        lines = [f"{address} {name}\n" for name, address in (names or {}).items()]
        resolved.write_text(Path("/etc/hosts").read_text() + "".join(lines))
        replaced = {Path("/root/.ssh"): self.home / ".ssh", Path("/etc/hosts"): resolved}
        Path("/root/.ssh").mkdir(mode=0o700, exist_ok=True)
        self.terminal = Terminal(folder, self._environment(variables or {}), replaced)
        if not blank:
            self.terminal.run("cd blog")

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
        path = f"{self.folder / 'bin'}:{FAB.parent if self.blank else programs()}:{os.environ['PATH']}"
        found = {"PIP_FIND_LINKS": str(wheel().parent)} if self.blank else {}
        return {**kept, **found, **IDENTITY, "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"), "PATH": path,
                "HOME": str(self.home), "LANG": "C.UTF-8", "EXAMPLES": str(ROOT / "examples"), **variables}  # fmt: skip

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

    def make_blog(self, hosts: str = "") -> None:
        """Make the app's repository. With the text of hosts.toml it has what `selvedge init` writes.

        The commit has the addresses of the pages, so that it has the same hash in every test. git does not look at the real ones.
        """
        blog = self.folder / "blog"
        blog.mkdir()
        ours = {"fabfile.py": FABFILE, "fabric.yaml": FABRIC, ".gitignore": IGNORED, "hosts.toml": HOSTS} if hosts else {}
        for name, text in {**BLOG, **ours}.items():
            (blog / name).write_text(text)
        _commit(blog)
        if hosts:
            (blog / "hosts.toml").write_text(self._real(hosts))
            subprocess.run(["git", "update-index", "--assume-unchanged", "hosts.toml"], cwd=blog, check=True)


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
