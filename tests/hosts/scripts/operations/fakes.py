"""Runs whose hosts are folders of this machine."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass

from selvedge.errors import UnreachableError
from selvedge.run import Run
from selvedge.ssh.connection import Result
from tests.hosts.scripts.server import Server


class LocalRemote:
    """A connection that runs scripts in a server that consists of folders."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.user = "root"
        self.execs = 0

    def run(self, script: str, _payloads: object = (), on_line: Callable[[str], None] | None = None, more: bool = False) -> Result:  # noqa: ARG002
        self.execs += 1
        done = self.server.run(script)
        output = done.stdout.decode("utf-8", "surrogateescape")
        for line in output.splitlines() if on_line else ():
            on_line(line)
        return Result(done.returncode, output)

    def close(self) -> None:
        pass


class Unreachable(LocalRemote):
    """A connection to a server that does not answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.user = ""

    def run(self, *_: object, **__: object) -> Result:
        raise UnreachableError(f"{self.name}: does not answer.", "Switch it on.")


@dataclass
class Fake:
    """A run whose hosts are folders, and its output."""

    run: Run
    servers: dict[str, Server]
    screen: io.StringIO

    @property
    def text(self) -> str:
        return self.screen.getvalue()


def instance(server: Server, name: str, state: str, *, record: str = "", at: float = 1_700_000_000) -> None:
    """Create an instance on the server, as a release leaves it."""
    folder = server.path(f"/srv/hello/instances/{name}")
    folder.mkdir(parents=True)
    (folder / "state").write_text(f"{state}\n")
    os.utime(folder / "state", (at, at))
    if record:
        (folder / "record").write_text(record)


def live(server: Server, name: str) -> None:
    """Point nginx's link to an instance."""
    server.path("/srv/hello").mkdir(exist_ok=True)
    server.path("/srv/hello/live.sock").symlink_to(f"/run/hello/{name}.sock")


RECORD = """commit {commit}
subject {subject}
author 张伟
at {at}
by me@laptop
seconds 7
"""
