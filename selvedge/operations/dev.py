"""`fab dev`: run the app on this machine while you write it, as the tutorials do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values

from selvedge.config.load import load
from selvedge.config.secret_names import PREFIX
from selvedge.config.settings import Settings
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.local_ports import HERE, listen
from selvedge.project.interpreters import interpreters
from selvedge.report import Report
from selvedge.report.text import Styled
from selvedge.shell.quoting import quote
from selvedge.value import Value

PAGES = ("/docs", "/redoc")
"""FastAPI's documentation of the app. Their addresses are shown if the app answers them."""

TOOLS = {
    "uv.lock": ("uv add --dev", "Make one: `uv sync`."),
    "poetry.lock": (
        "poetry add --group dev", "Poetry keeps it elsewhere, so start this with it: `poetry install`, then `poetry run fab dev`."
    ),
    "Pipfile.lock": (
        "pipenv install --dev", "Pipenv keeps it elsewhere, so start this with it: `pipenv sync`, then `pipenv run fab dev`."
    ),
}  # fmt: skip
"""The lock of a tool → how the tool adds a package, and how it makes an environment that `fab dev` finds."""


class Local(Value):
    """The app on this machine. top: its repository. code: the app's folder in it."""

    module: str
    top: Path
    code: Path
    server: str

    @classmethod
    def of(cls, settings: Settings) -> Local:
        """Return the app of hosts.toml. Raises UsageError if its folder is not on this machine."""
        app = settings.app
        top = (settings.base_dir / app.repository).resolve() if app.repository_is_local else settings.base_dir
        code = top / app.root
        if not code.is_dir():
            raise UsageError(f"The app's folder {code} is not there.", "Correct app.repository or app.root in hosts.toml.")
        return cls(app.asgi, top, code, "hypercorn" if app.server == "hypercorn" else "uvicorn")

    def python(self) -> Path:
        """Return the Python of an environment that has the app server. Raises UsageError without one."""
        found = list(interpreters(self.top, str(self.code.relative_to(self.top))))
        for python in found:
            if subprocess.run([python, "-c", f"import {self.server}"], capture_output=True, check=False).returncode == 0:
                return python
        package = "uvicorn[standard]" if self.server == "uvicorn" else self.server
        # Selvedge's own environment may be the active one. The app's packages do not belong there.
        own = [python for python in found if python.parents[1] != Path(sys.prefix) or python.is_relative_to(self.top)]
        if own:
            raise UsageError(f"The environment {own[0].parents[1]} has no {self.server}.", self._install(own[0], package))
        raise UsageError("The app has no virtual environment on this machine.", self._make(package))

    def _tool(self) -> tuple[str, str] | None:
        """Return the remedies of the tool whose lock this project has."""
        found = (each for name, each in TOOLS.items() if any((folder / name).is_file() for folder in (self.code, self.top)))
        return next(found, None)

    def _install(self, python: Path, package: str) -> str:
        """Return how to add a package to an environment. Those that uv makes have no pip."""
        tool = self._tool()
        return f"Add it: `{tool[0]} '{package}'`." if tool else f"Install it: `{quote(str(python))} -m pip install '{package}'`."

    def _make(self, package: str) -> str:
        """Return how to make an environment."""
        if tool := self._tool():
            return tool[1]
        lists = {"requirements.txt": "-r requirements.txt ", "pyproject.toml": "-e . "}
        packages = next((words for name, words in lists.items() if (self.code / name).is_file()), "")
        pip = f".venv/bin/pip install {packages}'{package}'"
        return f"Make one: `cd {quote(str(self.code))} && python3 -m venv .venv && {pip}`."

    def command(self, python: Path, port: int) -> list[str]:
        """Return the command that serves the app and starts it again after each change of a file."""
        module, factory = self.module.removesuffix("()"), self.module.endswith("()")
        if self.server == "hypercorn":
            return [str(python), "-m", "hypercorn", self.module, "--reload", "--bind", f"{HERE}:{port}"]
        options = ["--reload", "--host", HERE, "--port", str(port), *(["--factory"] if factory else [])]
        return [str(python), "-m", "uvicorn", module, *options]

    def environment(self) -> Mapping[str, str]:
        """Return the app's environment: that of this shell, and what it lacks from the file `.env`, without Selvedge's settings."""
        file = next((folder / ".env" for folder in (self.code, self.top) if (folder / ".env").is_file()), None)
        values = {**(dotenv_values(file) if file else {}), **os.environ}
        own = {name: value or "" for name, value in values.items() if not name.startswith(PREFIX)}
        paths = [str(self.code), str(self.code / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {**own, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def dev(report: Report, port: int) -> None:
    """Run the app until Ctrl-C, and print its output. port: 0 for a free one.

    Raises:
        UsageError: the app cannot be run, or the port is in use.
        SelvedgeError: the app ended by itself.
    """
    local = Local.of(load())
    python = local.python()
    with listen(port, "--port") as free:
        port = int(free.getsockname()[1])
    command = local.command(python, port)
    report.line(f"Running `{' '.join(command[2:])}` with {python}. It starts again after each change of a file. Ctrl-C ends it.")
    with _running(command, local) as process:
        threading.Thread(target=_show_pages, args=(report, process, port), daemon=True).start()
        interrupted = _follow(report, process)
    if process.returncode and not interrupted:
        remedy = "Its last lines above say why. Correct it, and run `fab dev` again."
        raise SelvedgeError(f"The app ended with exit status {process.returncode}.", remedy)


@contextlib.contextmanager
def _running(command: list[str], local: Local) -> Iterator[subprocess.Popen[str]]:
    """Run a command with all that it starts. None of it is left when the block ends, also by a closed terminal."""
    ends = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = {number: signal.signal(number, signal.default_int_handler) for number in ends}
    process = subprocess.Popen(
        command, cwd=local.code, env=local.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(report: Report, process: subprocess.Popen[str]) -> bool:
    """Print the app's output until it ends, and return whether Ctrl-C ended it. A second Ctrl-C does not wait for requests."""
    interrupted = False
    while True:
        try:
            for line in process.stdout or ():
                report.line(Styled("web  ", "blue"), line.rstrip("\n"))
            process.wait()
            return interrupted
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL if interrupted else signal.SIGINT)
            interrupted = True


def _show_pages(report: Report, process: subprocess.Popen[str], port: int) -> None:
    """Wait until the app answers, and print its address and those of PAGES that it has.

    Its own pages are not requested, since a request may change something.
    """
    address = f"http://{HERE}:{port}"
    while process.poll() is None:
        time.sleep(0.2)
        statuses = {page: _status(f"{address}{page}") for page in PAGES}
        if all(statuses.values()):
            shown = ["/", *(page for page, status in statuses.items() if status == 200)]
            report.line(Styled("open ", "green"), "   ".join(f"{address}{page}" for page in shown))
            return


def _status(address: str) -> int:
    """Return the HTTP status of an address, 0 without an answer."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=2) as answer:
            return int(answer.status)
    except urllib.request.HTTPError as error:
        return error.code
    except OSError:
        return 0
