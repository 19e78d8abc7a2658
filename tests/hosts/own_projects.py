"""Projects of tests/projects, with lock files that a server makes: their addresses depend on the index of the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sandbox import Server

UV = "/opt/selvedge/uv/bin/uv"


def locked(server: Server, folder: Path, command: str, made: str = "uv.lock") -> None:
    """Run a command such as "uv lock" on a copy of the folder on the server, and fetch the file `made`.

    Raises AssertionError with the command's output if it fails.
    """
    login = server.ssh_argv("deploy")
    there = "/tmp/lock"
    make = f"export PATH=$PATH:{Path(UV).parent} && {{ {command}; }} >&2"
    script = f"rm -rf {there} && mkdir {there} && cd {there} && tar -x && {make} && tar -c -- {made}"
    packed = subprocess.run(["tar", "-c", "-C", str(folder), "--exclude=.git", "."], capture_output=True, check=True).stdout
    done = subprocess.run([*login, script], input=packed, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    subprocess.run(["tar", "-x", "-C", str(folder)], input=done.stdout, check=True)


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file, which must have it."""
    text = path.read_text()
    assert old in text, path
    path.write_text(text.replace(old, new))
