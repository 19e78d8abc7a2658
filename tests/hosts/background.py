"""Run fab in the background, and find the processes that it leaves on a server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import FAB, Project
from sandbox import Server


def left_behind(server: Server, what: str) -> list[str]:
    """Return the command lines of processes on the server that contain `what`."""
    script = "for folder in /proc/[0-9]*; do tr '\\0' ' ' <$folder/cmdline; echo; done 2>/dev/null"
    return [line for line in server.run(script).stdout.splitlines() if what in line]


class Output:
    """The output of a running command so far."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, text: str) -> bool:
        return text in self._path.read_text(errors="replace")


@contextmanager
def running(project: Project, path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Output]]:
    """Run fab while the block runs, with its output in the file `path`."""
    with path.open("wb") as file:
        process = subprocess.Popen(
            [str(FAB), *words], cwd=project.folder, env=project.environment(),
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)  # fmt: skip
    try:
        yield process, Output(path)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)
