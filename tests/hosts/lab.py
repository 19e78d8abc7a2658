"""Servers for tests, in a separate sandbox, and projects that deploy to them with the real fab.

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
# With the same author and dates, the first commit has the same hash in every project, so a copied server is up to date.
IDENTITY = {
    "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.com", "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.com",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
}  # fmt: skip
STAGES = {"setup": ["setup"], "deployed": ["setup", "deploy"]}
"""Stage → the tasks that have run on a server of this stage."""
IN_MEMORY = Path("/dev/shm/selvedge-tests")
MEMORY = 14 << 30
"""Bytes that must be free. The servers of four processes need up to 6 GiB of disk and half of that as memory."""


@dataclass(frozen=True)
class Result:
    """The exit status, output and duration of a command."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        return f"status {self.status} after {self.seconds:.1f} s\n{tail(self.stdout)}\n--- stderr\n{tail(self.stderr)}"

    __repr__ = __str__


class Project:
    """A copy of Selvedge with its own app.

    folder: the clone of a user, with `hosts.toml`. app: the app's repository, a copy of examples/hello with the branch
    main checked out. home: the user's empty home folder. checkout: the Selvedge that is copied.
    """

    def __init__(self, folder: Path, *, checkout: Path = ROOT, **app: object) -> None:
        self.folder, self.app, self.home = folder / "project", folder / "hello", folder / "home"
        self.home.mkdir(parents=True)
        self.folder.mkdir()
        for part in PARTS:
            copy = shutil.copytree if (checkout / part).is_dir() else shutil.copy2
            copy(checkout / part, self.folder / part)
        ignored = shutil.ignore_patterns("__pycache__", ".venv", ".env", "*.sqlite3*")
        shutil.copytree(ROOT / "examples/hello", self.app, ignore=ignored)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()
        self.configure(**app)

    def configure(self, text: str = "", **app: object) -> None:
        """Replace hosts.toml with the usual [app], these keys of it (None removes a key), and `text`.

        It lists no servers, because Selvedge finds those of the sandbox.
        """
        usual = {"name": "hello", "repository": str(self.app), "health": "/health", "migrate": "alembic upgrade head",
                 "workers": 1, "drain": 1, "settle": 1.0}  # fmt: skip
        values = {key: value for key, value in (usual | app).items() if value is not None}
        lines = ["[app]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), "", text]
        (self.folder / "hosts.toml").write_text("\n".join(lines))

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run git in the app's repository, and return its output. Raises subprocess.CalledProcessError."""
        command = ["git", *arguments]
        environment = {**os.environ, **IDENTITY}
        done = subprocess.run(command, cwd=cwd or self.app, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, change: str | Callable[[Path], object] | None = None) -> str:
        """Commit a change of the app, and return the commit hash (40 hex digits).

        A string becomes the greeting on `/`. A function gets the app's folder and changes its files.
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

    def become(self, name: str, root: str = "") -> None:
        """Replace the app's files by those of tests/projects/NAME, without a commit.

        root: the app's folder. If the project has no main.py, this folder gets one that answers with the packages.
        """
        for each in self.app.iterdir():
            if each.name != ".git":
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        projects = ROOT / "tests/projects"
        shutil.copytree(projects / name, self.app, dirs_exist_ok=True)
        if not list(self.app.rglob("main.py")):
            shutil.copy2(projects / "main.py", self.app / root)
        for pyproject in self.app.rglob("pyproject.toml"):
            if "tiny_backend" in pyproject.read_text():
                shutil.copy2(projects / "tiny_backend.py", pyproject.parent)

    @property
    def head(self) -> str:
        """Return the newest commit of the current branch (40 hex digits)."""
        return self.git("rev-parse", "HEAD")

    def environment(self, **more: str) -> dict[str, str]:
        """Return fab's environment variables: only PATH and a few others come from this machine."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "SELVEDGE_SANDBOX_DIR") if name in os.environ}
        return {**kept, "HOME": str(self.home), "LANG": "C.UTF-8", **more}

    def start(self, *words: str, env: dict[str, str] | None = None, pipe: bool = True) -> subprocess.Popen[str]:
        """Start fab in a new process group, for tests that kill it."""
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
        """Run fab like `fab()`. Raises AssertionError with the output if it fails."""
        result = self.fab(*words, env=env, timeout=timeout)
        assert result.status == 0, f"fab {' '.join(words)}: {result}"
        return result

    def host_settings(self, server: Server) -> str:
        """Return the server as a table of hosts.toml, for a project that lists its servers."""
        table = {"address": server.address, "port": server.port, "user": "deploy", "bootstrap_user": "root",
                 "key": str(server.key), "known_hosts": str(server.known_hosts)}  # fmt: skip
        return "\n".join(
            [f"[hosts.{server.name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()), ""]
        )


class Lab:
    """The servers of one process of a test run. The processes (workers of pytest-xdist) share a sandbox."""

    def __init__(self, run: str, worker: str, *, in_memory: bool = True) -> None:
        """in_memory: their disks may be in memory, up to a gigabyte for each server."""
        base = _base() if in_memory else _on_disk()
        base.mkdir(parents=True, exist_ok=True)
        self._prefix, self._count = worker, 0
        self._alive = _hold(base / f"{run}.lock", fcntl.LOCK_SH)
        self._folder = base / run
        self.servers: list[str] = []
        for lock in (lock for each in (IN_MEMORY, _on_disk()) for lock in each.glob("*.lock")):
            _clear_if_dead(lock)
        os.environ["SELVEDGE_SANDBOX_DIR"] = str(self._folder)

    def server(self, stage: str = "ready", release: str = "bookworm") -> Server:
        """Make a server, and return it when it answers over ssh.

        stage: "bare" or "ready" (an image of the sandbox), or "setup" or "deployed": a copy of a server on which
        `fab setup`, or `fab setup deploy` of the project's first commit, has run.
        """
        if stage not in STAGES:
            return self._up(self._new_name(), release, stage)

        def prepare(server: Server) -> None:
            project = Project(self._folder / f"{server.name}.project")
            project.must("-H", server.name, *STAGES[stage])

        server = self.copy(f"{stage}-{release}", prepare, release)
        if stage == "deployed":
            until(lambda: get(f"{server.url}/health").status == 200, 60)
        return server

    def copy(self, original: str, prepare: Callable[[Server], None], release: str = "bookworm") -> Server:
        """Make a copy of the server `original`, which `prepare` sets up, and return it when it answers over ssh.

        The first process that needs the original makes it.
        """
        return sandbox.copy(self._original(original, prepare, release), self._new_name())

    def _new_name(self) -> str:
        self._count += 1
        self.servers.append(f"{self._prefix}-{self._count}")
        return self.servers[-1]

    def down(self, name: str) -> None:
        """Remove a server before the end of the run."""
        self.servers.remove(name)
        sandbox.down(name)

    def close(self) -> None:
        """Remove the servers of this process. The last process removes the sandbox."""
        for name in list(self.servers):
            self.down(name)
        os.close(self._alive)
        _clear_if_dead(self._folder.with_suffix(".lock"))

    def _up(self, name: str, release: str, image: str) -> Server:
        try:
            return sandbox.up(name, release, image=image)
        except sandbox.SandboxError as error:
            console = self._folder / "servers" / name / "console.log"  # It is deleted with the server.
            if console.is_file():
                error.add_note(console.read_text(errors="replace")[-3000:])
            raise

    def _original(self, name: str, prepare: Callable[[Server], None], release: str) -> Server:
        """Return the server to copy, powered off."""
        with state.locked(self._folder / f"{name}.lock"):
            found = next((server for server in sandbox.servers() if server.name == name), None)
            if found and not found.running:
                return found
            if found:  # A killed process left it unfinished.
                sandbox.down(name)
            server = self._up(name, release, "ready")
            prepare(server)
            server.poweroff()
            return server


def tail(text: str, lines: int = 60) -> str:
    """Return the last lines of a text."""
    rows = text.splitlines()
    return "\n".join(rows if len(rows) <= lines else [f"… {len(rows) - lines} lines …", *rows[-lines:]])


def until(reached: Callable[[], object], seconds: float, what: str = "what was waited for") -> None:
    """Wait until `reached` returns a true value. An OSError counts as false. Raises TimeoutError that names `what`."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if reached():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


def _base() -> Path:
    """Return the folder of all runs: in memory if enough is free, which is faster than a disk."""
    where = IN_MEMORY.parent
    if where.is_dir() and shutil.disk_usage(where).free > MEMORY and _available() > MEMORY:
        return IN_MEMORY
    return _on_disk()


def _on_disk() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "selvedge/tests"


def _available() -> int:
    """Return the bytes of memory that are available without swapping (`man proc_meminfo`)."""
    found = re.search(r"^MemAvailable: +([0-9]+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _hold(path: Path, kind: int) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, kind)
    return handle


def _clear_if_dead(lock: Path) -> None:
    """Remove the servers of a run that has ended or was killed."""
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
