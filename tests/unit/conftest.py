"""What the engine's tests share: a place where its scripts run as on a server, and the settings of an example host."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selvedge.plan import Plan, apply_script, open_payload, parse_facts, plan, read_script
from selvedge.resources.base import Resource
from selvedge.settings import Settings, Target

MARK = "@test"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# What of the machine's own /etc its programs need; the rest of the server's /etc is empty.
ETC = (
    "alternatives/awk default/useradd group gshadow ld.so.cache ld.so.conf login.defs nsswitch.conf os-release passwd "
    "shadow skel"
)
FOLDERS = ("etc", "srv", "root", "opt", "var/log", "var/lib", "var/cache", "usr/local/sbin", "run")

# Everything of the machine is read-only in there, but for the server's own folders.
ENTER = """
set -e
server=$1 size=$2
shift 2
mount -n --bind "$server" "$server"
mount -n -o remount,bind,ro /
for folder in "$@"; do
  if [ -d "/$folder" ]; then mount -n --bind "$server/$folder" "/$folder"; fi
done
cd /
exec env -i HOME=/root PATH="$PATH" TMPDIR=/root /bin/sh -c 'eval "$(head -c "$0")"' "$size"
"""


@dataclass(frozen=True)
class Done:
    """How a script ended: `status` as its last mark says (None where it never came), and all lines of its output."""

    status: int | None
    output: str

    @property
    def error(self) -> str:
        """The sentence of `fail`."""
        found = [line.removeprefix(f"{MARK} error ") for line in self.output.splitlines() if f"{MARK} error " in line]
        return found[-1] if found else ""

    @property
    def said(self) -> list[str]:
        """The sentences of `say`."""
        prefix = f"{MARK} say "
        return [line.removeprefix(prefix) for line in self.output.splitlines() if line.startswith(prefix)]


class Server:
    """Folders of a server under a temporary directory, in which scripts run as root in a mount namespace of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name in ETC.split():
            source, target = Path("/etc", name), root / "etc" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif source.exists():
                shutil.copy2(source, target, follow_symlinks=False)

    def path(self, path: str) -> Path:
        """Where a path of the server is on this machine."""
        return self.root / path.lstrip("/")

    def program(self, name: str, text: str) -> Path:
        """A program that comes first on the PATH of every script."""
        path = self.path(f"/usr/local/sbin/{name}")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def command(self, script: str) -> list[str]:
        """What runs a script there; the script, and what it reads, come by standard input."""
        size = len(script.encode("utf-8", "surrogateescape"))
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]
        return [*enter, str(self.root), str(size), *FOLDERS]

    def run(self, script: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a script, as the connection would: it comes first on standard input, then what it reads."""
        data = script.encode("utf-8", "surrogateescape") + stdin
        done = subprocess.run(self.command(script), input=data, capture_output=True, check=False, timeout=60)
        assert b"unshare: " not in done.stderr, f"this machine lets nobody make a mount namespace: {done.stderr!r}"
        return done

    def read(self, *resources: Resource) -> list[str]:
        """The facts of the resources."""
        done = self.run(read_script(resources, MARK))
        facts = parse_facts(done.stdout.decode("utf-8", "surrogateescape"), MARK, len(resources))
        assert facts is not None, done
        return facts

    def plan(self, *resources: Resource) -> Plan:
        """What would change."""
        return plan(resources, self.read(*resources))

    def apply(self, changes: Plan, stdin: bytes | None = None) -> Done:
        """Make the changes; `stdin` replaces their payloads."""
        if stdin is None:
            stdin = b"".join(open_payload(payload).read() for payload in changes.payload())
        done = self.run(apply_script(changes, MARK, lock="hello", log="hello"), stdin)
        output = (done.stdout + done.stderr).decode("utf-8", "surrogateescape")
        ends = [line for line in output.splitlines() if line.startswith(f"{MARK} end ")]
        return Done(int(ends[-1].split()[2]) if ends else None, output)

    def make(self, *resources: Resource) -> Plan:
        """Read, apply, read again, plan nothing: what was planned first."""
        before = self.tree()
        planned = self.plan(*resources)
        assert self.tree() == before, "reading changed something"
        if planned:
            done = self.apply(planned)
            assert done.status == 0, done.output
        again = self.plan(*resources)
        assert not again, [change for _, change in again.changes]
        self.assert_clean()
        return planned

    def tree(self, path: str = "/") -> dict[str, tuple[Any, ...]]:
        """All that stands below a path, as far as a program could change it."""
        found = {}
        top = self.path(path)
        for entry in [top, *sorted(top.rglob("*"))]:
            status = entry.lstat()
            content = os.readlink(entry) if entry.is_symlink() else ""
            if stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(entry.read_bytes()).hexdigest()
            about = (oct(status.st_mode), status.st_uid, status.st_gid, status.st_ino, status.st_mtime_ns)
            found[str(entry.relative_to(self.root))] = (*about, status.st_ctime_ns, content)
        return found

    def assert_clean(self) -> None:
        """No temporary file and no copy of anything is left."""
        left = [name for name in self.tree() if ".selvedge." in name or "undo." in name or name.endswith(".new")]
        assert not left


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A bare server for scripts of the engine."""
    if os.geteuid() != 0:
        pytest.fail("The engine's scripts run as root: run the tests as root (in a container, or with sudo).")
    return Server(tmp_path / "server")


@pytest.fixture
def target(tmp_path: Path) -> Callable[..., Target]:
    """The settings of a host by keyword: target(domains=["a.test"], nginx={"gzip": False})."""

    def make(commit: str | None = COMMIT, **tables: Any) -> Target:
        sections = {name: tables.pop(name) for name in ("tls", "server", "nginx", "hooks") if name in tables}
        host = tables.pop("host", {"address": "203.0.113.10"})
        app = {"name": "hello", "repository": "https://git.example.com/me/hello.git", **tables}
        settings = Settings.model_validate({"app": app, "hosts": {"server": host}, **sections})
        settings._base_dir = tmp_path
        return settings.target("server").model_copy(update={"commit": commit})

    return make


def lines(values: Sequence[str]) -> str:
    """The values, one a line."""
    return "".join(f"{value}\n" for value in values)
