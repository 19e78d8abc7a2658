"""What tests on servers work with: servers in a sandbox of their own, and projects that release to them by fab.

def test_something(lab: Lab, project: Project) -> None:
    server = lab.server("deployed")
    project.commit("greeting")
    result = project.fab("-H", server.name, "deploy")
    assert result.status == 0, result
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sandbox
from sandbox import Server, state
from traffic import get

ROOT = Path(__file__).resolve().parents[2]
FAB = Path(sys.executable).with_name("fab")
PARTS = ("fabfile.py", "fabric.yaml", "tasks", "templates", "selvedge", "sandbox")
# The same files, author and time make the same commit in every project: a copied server has it live already.
IDENTITY = {
    "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.com", "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.com",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
}  # fmt: skip
STAGES = {"setup": ["setup"], "deployed": ["setup", "deploy"]}
"""What a server of that stage has behind it: the words of the command line."""
IN_MEMORY = Path("/dev/shm/selvedge-tests")
MEMORY = 14 << 30
"""Bytes: the servers of four processes take up to six GiB of disk, and half of that as memory."""


@dataclass(frozen=True)
class Result:
    """How a command ended: exit status, what it wrote, and how long it took."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        return f"status {self.status} after {self.seconds:.1f} s\n{tail(self.stdout)}\n--- stderr\n{tail(self.stderr)}"

    __repr__ = __str__


class Project:
    """A copy of this project with an app of its own, in a folder of its own.

    folder: what a user would have cloned; `hosts.toml` in it names the app. app: the app's repository, a checkout of
    the branch main whose files are those of examples/hello. home: the user's home folder, empty.
    """

    def __init__(self, folder: Path, **app: object) -> None:
        self.folder, self.app, self.home = folder / "project", folder / "hello", folder / "home"
        self.home.mkdir(parents=True)
        self.folder.mkdir()
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, self.folder / part)
        ignored = shutil.ignore_patterns("__pycache__", ".venv", ".env", "*.sqlite3*")
        shutil.copytree(ROOT / "examples/hello", self.app, ignore=ignored)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()
        self.configure(**app)

    def configure(self, text: str = "", **app: object) -> None:
        """Write hosts.toml anew: these keys of [app] (None: leave the usual one out), then `text` as it is.

        The servers need not stand in it: the sandbox lists them.
        """
        usual = {"name": "hello", "repository": str(self.app), "health": "/health", "migrate": "alembic upgrade head",
                 "workers": 1, "drain": 1, "settle": 1.0}  # fmt: skip
        values = {key: value for key, value in (usual | app).items() if value is not None}
        lines = ["[app]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), "", text]
        (self.folder / "hosts.toml").write_text("\n".join(lines))

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """git in the app's repository; what it printed. Raises subprocess.CalledProcessError."""
        command = ["git", *arguments]
        environment = {**os.environ, **IDENTITY}
        done = subprocess.run(command, cwd=cwd or self.app, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, change: str | Callable[[Path], object] | None = None) -> str:
        """Commit a change of the app, and return the commit (40 hex digits).

        A word becomes the greeting on `/`; a function gets the app's folder and changes what it likes.
        """
        if isinstance(change, str):
            settings = self.app / "settings.py"
            lines = settings.read_text().splitlines()
            changed = [f"    greeting: str = {change!r}" if "greeting: str" in line else line for line in lines]
            settings.write_text("\n".join(changed) + "\n")
        elif change:
            change(self.app)
        self.git("add", "--all")
        message = f"Test: {change if isinstance(change, str) else 'a change'}"
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        """The newest commit of the branch that is checked out (40 hex digits)."""
        return self.git("rev-parse", "HEAD")

    def environment(self, **more: str) -> dict[str, str]:
        """The variables that fab sees: none of this machine's own, apart from where programs are."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "SELVEDGE_SANDBOX_DIR") if name in os.environ}
        return {**kept, "HOME": str(self.home), "LANG": "C.UTF-8", **more}

    def start(self, *words: str, env: dict[str, str] | None = None, pipe: bool = True) -> subprocess.Popen[str]:
        """Start fab in a process group of its own, for tests that kill it."""
        output = subprocess.PIPE if pipe else subprocess.DEVNULL
        return subprocess.Popen(
            [str(FAB), *words], cwd=self.folder, env=self.environment(**(env or {})), stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, text=True, errors="replace", start_new_session=True)  # fmt: skip

    def fab(self, *words: str, env: dict[str, str] | None = None, timeout: float = 480) -> Result:
        """Run the real fab in the project's folder. Raises TimeoutError, with its output, after `timeout` seconds."""
        began = time.monotonic()
        process = self.start(*words, env=env)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                result = Result(-1, stdout, stderr, time.monotonic() - began)
                raise TimeoutError(f"fab {' '.join(words)} did not end: {result}") from None
            raise
        return Result(process.returncode, stdout, stderr, time.monotonic() - began)

    def must(self, *words: str, env: dict[str, str] | None = None, timeout: float = 480) -> Result:
        """The same, for a run that has to succeed. Raises AssertionError with all that it wrote."""
        result = self.fab(*words, env=env, timeout=timeout)
        assert result.status == 0, f"fab {' '.join(words)}: {result}"
        return result

    def host_settings(self, server: Server) -> str:
        """The server as a table of hosts.toml, for a project that lists its servers itself."""
        table = {"address": server.address, "port": server.port, "user": "deploy", "bootstrap_user": "root",
                 "key": str(server.key), "known_hosts": str(server.known_hosts)}  # fmt: skip
        return "\n".join(
            [f"[hosts.{server.name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()), ""]
        )


class Lab:
    """The servers of one test run. Its processes (pytest-xdist's workers) share a sandbox; each has its own servers."""

    def __init__(self, run: str, worker: str) -> None:
        base = _base()
        base.mkdir(parents=True, exist_ok=True)
        self._prefix, self._count = worker, 0
        self._alive = _hold(base / f"{run}.lock", fcntl.LOCK_SH)
        self._place = base / run
        self.servers: list[str] = []
        for lock in (lock for each in (IN_MEMORY, _on_disk()) for lock in each.glob("*.lock")):
            _clear_if_dead(lock)
        os.environ["SELVEDGE_SANDBOX_DIR"] = str(self._place)

    def server(self, stage: str = "ready", release: str = "bookworm") -> Server:
        """A new server that answers by ssh.

        stage: "bare" or "ready" (an image of the sandbox), or "setup" or "deployed": a copy of a server on which
        `fab setup`, or `fab setup deploy` of the project's first commit, has run.
        """
        self._count += 1
        name = f"{self._prefix}-{self._count}"
        self.servers.append(name)
        if stage in STAGES:
            server = sandbox.copy(self._original(stage, release), name)
            if stage == "deployed":
                until(lambda: get(f"{server.url}/health").status == 200, 60)
            return server
        return self._up(name, release, stage)

    def down(self, name: str) -> None:
        """Take a server away before the tests have ended."""
        self.servers.remove(name)
        sandbox.down(name)

    def close(self) -> None:
        """Take away what this process made; the last one takes the rest."""
        for name in list(self.servers):
            self.down(name)
        os.close(self._alive)
        _clear_if_dead(self._place.with_suffix(".lock"))

    def _up(self, name: str, release: str, image: str) -> Server:
        try:
            return sandbox.up(name, release, image=image)
        except sandbox.SandboxError as error:
            console = self._place / "servers" / name / "console.log"  # gone before anybody could look
            if console.is_file():
                error.add_note(console.read_text(errors="replace")[-3000:])
            raise

    def _original(self, stage: str, release: str) -> Server:
        """The server that is copied: made once, by whoever needs it first, and off."""
        name = f"{stage}-{release}"
        with state.locked(self._place / f"{name}.lock"):
            found = next((server for server in sandbox.servers() if server.name == name), None)
            if found and not found.running:
                return found
            if found:  # left by a process that died half-way
                sandbox.down(name)
            server = self._up(name, release, "ready")
            project = Project(self._place / f"{name}.project")
            project.must("-H", name, *STAGES[stage])
            server.poweroff()
            return server


def tail(text: str, lines: int = 60) -> str:
    """The last lines of a long text; its beginning says nothing about how it ended."""
    rows = text.splitlines()
    return "\n".join(rows if len(rows) <= lines else [f"… {len(rows) - lines} lines …", *rows[-lines:]])


def until(reached: Callable[[], object], seconds: float, what: str = "what was waited for") -> None:
    """Wait until `reached` gives something true; an OSError counts as not yet. Raises TimeoutError, which says what."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if reached():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


def _base() -> Path:
    """Where the servers of all runs are: in memory, where there is plenty, since a disk would write for minutes what is
    thrown away soon after."""
    where = IN_MEMORY.parent
    if where.is_dir() and shutil.disk_usage(where).free > MEMORY and _available() > MEMORY:
        return IN_MEMORY
    return _on_disk()


def _on_disk() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "selvedge/tests"


def _available() -> int:
    """Bytes of memory that programs can have without swapping (`man proc_meminfo`)."""
    found = re.search(r"^MemAvailable: +([0-9]+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _hold(path: Path, kind: int) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, kind)
    return handle


def _clear_if_dead(lock: Path) -> None:
    """Take away the servers of a run that has ended, or was killed."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError):
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with _sandbox_at(lock.with_suffix("")):
                sandbox.down_all()
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink()
        finally:
            os.close(handle)


@contextlib.contextmanager
def _sandbox_at(place: Path) -> Iterator[None]:
    before = os.environ.get("SELVEDGE_SANDBOX_DIR", "")
    os.environ["SELVEDGE_SANDBOX_DIR"] = str(place)
    try:
        yield
    finally:
        os.environ["SELVEDGE_SANDBOX_DIR"] = before
