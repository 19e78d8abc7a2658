"""A server that consists of folders: scripts run in it as root, in a mount namespace of its own."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selvedge.engine.plan import Plan
from selvedge.engine.script import parse_facts, read_script, step_script
from selvedge.resources.base import Resource
from selvedge.ssh.payload import open_payload

MARK = "@test"
# The parts of this machine's /etc that its programs need. The rest of the server's /etc is empty.
ETC = (
    "alternatives/awk default/useradd group gshadow ld.so.cache ld.so.conf login.defs nsswitch.conf os-release passwd "
    "shadow skel"
)
FOLDERS = ("etc", "srv", "root", "opt", "var/log", "var/lib", "var/cache", "var/backups", "usr/local/sbin", "run")
ENVIRONMENT = {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": "/root"}
# From sched.h, sys/mount.h and sys/prctl.h.
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Done:
    """How a script ended: the status of its last mark, or None without one, and its output."""

    status: int | None
    output: str

    @property
    def error(self) -> str:
        """Return the sentence of `fail`."""
        found = [line.removeprefix(f"{MARK} error ") for line in self.output.splitlines() if f"{MARK} error " in line]
        return found[-1] if found else ""

    @property
    def said(self) -> list[str]:
        """Return the sentences of `say`."""
        prefix = f"{MARK} say "
        return [line.removeprefix(prefix) for line in self.output.splitlines() if line.startswith(prefix)]


class Server:
    """A server that consists of folders. Scripts run in it as root, in a mount namespace of its own."""

    seconds = 20
    """How long a script may take."""

    def __init__(self, root: Path) -> None:
        if os.geteuid() != 0:
            pytest.fail("The engine's scripts run as root: run the tests as root (in a container, or with sudo).")
        self.root = root
        self._namespace: subprocess.Popen[bytes] | None = None
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name in ETC.split():
            source, target = Path("/etc", name), root / "etc" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif source.exists():
                shutil.copy2(source, target, follow_symlinks=False)
        # The real one would wait for other programs that write to this machine's disk.
        self.program("sync", "exit 0")

    def path(self, path: str) -> Path:
        """Return where a path of the server is on this machine."""
        return self.root / path.lstrip("/")

    def program(self, name: str, text: str) -> Path:
        """Add a program that comes first on the PATH of every script."""
        path = self.path(f"/usr/local/sbin/{name}")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def enter(self) -> None:
        """Mount the server's folders over this machine's, and the rest read-only, for this process, which ends with its parent.

        Raises OSError where mount namespaces are not permitted.
        """
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if LIBC.unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        self._mount(b"none", "/", MS_REC | MS_PRIVATE)
        self._mount(bytes(self.root), str(self.root), MS_BIND)
        self._mount(b"none", "/", MS_REMOUNT | MS_BIND | MS_RDONLY)
        for folder in FOLDERS:
            self._mount(bytes(self.root / folder), f"/{folder}", MS_BIND)

    @staticmethod
    def _mount(source: bytes, target: str, flags: int) -> None:
        if LIBC.mount(source, target.encode(), None, flags, None) != 0:
            raise OSError(ctypes.get_errno(), f"mount {target}")

    def namespace(self) -> str:
        """Return the file of the server's mount namespace.

        A sleeping process holds it. Scripts enter it: to make one for each would copy this process, which is large.
        """
        if self._namespace is None:
            try:
                self._namespace = subprocess.Popen(["/bin/sleep", "infinity"], cwd="/", preexec_fn=self.enter)
            except subprocess.SubprocessError:
                pytest.fail(
                    "This machine lets nobody make a mount namespace, in which these tests run what belongs on a server. "
                    "In a container, give it CAP_SYS_ADMIN (docker run --privileged)."
                )
            weakref.finalize(self, _end, self._namespace)
        return f"/proc/{self._namespace.pid}/ns/mnt"

    def start(self, script: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a script as the connection would: standard input has the script, then its payloads."""
        size = len(script.encode("utf-8", "surrogateescape"))
        command = ["nsenter", f"--mount={self.namespace()}", "/bin/sh", "-c", f'eval "$(head -c {size})"']
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=ENVIRONMENT, cwd="/", start_new_session=True, **options)

    def run(self, script: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a script to its end. The output contains standard error."""
        process = self.start(script, stderr=subprocess.STDOUT)
        try:
            output, _ = process.communicate(script.encode("utf-8", "surrogateescape") + stdin, timeout=self.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            pytest.fail(f"the script did not end within {self.seconds} seconds; so far it said: {output.decode(errors='replace')}")
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def read(self, *resources: Resource) -> list[str]:
        """Return the facts of the resources."""
        done = self.run(read_script(resources, MARK))
        facts = parse_facts(done.stdout.decode("utf-8", "surrogateescape"), MARK, len(resources))
        assert facts is not None, done
        return facts

    def plan(self, *resources: Resource) -> Plan:
        """Return the changes that the resources need."""
        facts = self.read(*resources)
        return Plan.of(resources, [resource.complete(fact) for resource, fact in zip(resources, facts, strict=True)])

    def apply(self, changes: Plan, stdin: bytes | None = None, *, before: str = "", after: str = "") -> Done:
        """Make the changes. stdin replaces their payloads; before and after are shell that runs around the script."""
        if stdin is None:
            stdin = b"".join(open_payload(payload).read() for payload in changes.payload())
        done = self.run(before + step_script(changes, MARK, "hello") + after, stdin)
        output = done.stdout.decode("utf-8", "surrogateescape")
        ends = [line for line in output.splitlines() if line.startswith(f"{MARK} end ")]
        return Done(int(ends[-1].split()[2]) if ends else None, output)

    def make(self, *resources: Resource) -> Plan:
        """Make the changes that the resources need, check that a second plan is empty, and return the first."""
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

    def entries(self, path: str = "/") -> Iterator[Path]:
        """Yield every file and folder below a path."""
        for folder, folders, files in os.walk(self.path(path)):
            yield from (Path(folder, name) for name in [*folders, *files])

    def tree(self, path: str = "/") -> dict[str, tuple[Any, ...]]:
        """Return the metadata and content of everything below a path, and of the path itself."""
        found = {}
        for entry in [self.path(path), *self.entries(path)]:
            status = entry.lstat()
            content = str(entry.readlink()) if stat.S_ISLNK(status.st_mode) else ""
            if stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(entry.read_bytes()).hexdigest()
            about = (oct(status.st_mode), status.st_uid, status.st_gid, status.st_ino, status.st_mtime_ns)
            found[str(entry.relative_to(self.root))] = (*about, status.st_ctime_ns, content)
        return found

    def assert_clean(self) -> None:
        """Assert that no temporary file and no copy is left."""
        names = [entry.name for entry in self.entries()]
        left = [name for name in names if ".selvedge." in name or "undo." in name or name.endswith(".new")]
        assert not left


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
