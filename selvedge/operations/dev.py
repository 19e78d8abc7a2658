"""`fab dev`: run the app on this machine while you write it, as the tutorials do."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from selvedge.config.load import load
from selvedge.config.secret_names import PREFIX
from selvedge.config.settings import Settings
from selvedge.errors import SelvedgeError, UsageError
from selvedge.project.interpreters import interpreters
from selvedge.report import Report
from selvedge.report.text import Styled
from selvedge.shell.quoting import quote
from selvedge.value import Value

ADDRESS = "127.0.0.1"
"""Only programs of this machine can reach the app."""
PAGES = ("/", "/docs", "/redoc")
"""The paths whose addresses are shown if the app answers them. The last two are FastAPI's documentation of the app."""


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
        if found:
            install = f"`{found[0]} -m pip install '{package}'`"
            raise UsageError(f"The environment {found[0].parents[1]} has no {self.server}.", f"Install it: {install}.")
        make = f"cd {quote(str(self.code))}, `python3 -m venv .venv`, then `.venv/bin/pip install -r requirements.txt '{package}'`"
        raise UsageError("The app has no virtual environment on this machine.", f"Make one: {make}. In a project of uv: `uv sync`.")

    def command(self, python: Path, port: int) -> list[str]:
        """Return the command that serves the app and starts it again after each change of a file."""
        module, factory = self.module.removesuffix("()"), self.module.endswith("()")
        if self.server == "hypercorn":
            return [str(python), "-m", "hypercorn", self.module, "--reload", "--bind", f"{ADDRESS}:{port}"]
        options = ["--reload", "--host", ADDRESS, "--port", str(port), *(["--factory"] if factory else [])]
        return [str(python), "-m", "uvicorn", module, *options]

    def environment(self) -> Mapping[str, str]:
        """Return the app's environment: that of this shell, and what it lacks from the file `.env`."""
        file = next((folder / ".env" for folder in (self.code, self.top) if (folder / ".env").is_file()), None)
        values = {name: value or "" for name, value in dotenv_values(file).items() if not name.startswith(PREFIX)} if file else {}
        paths = [str(self.code), str(self.code / "src")]
        return {**values, **os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def dev(report: Report, port: int) -> None:
    """Run the app until Ctrl-C, and print its output. Raises UsageError if it cannot be run, SelvedgeError if it ends by itself."""
    local = Local.of(load())
    command = local.command(local.python(), port)
    report.line(f"The app runs on your machine, and starts again after each change. Ctrl-C ends it: {' '.join(command[1:])}")
    process = subprocess.Popen(
        command, cwd=local.code, env=local.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    threading.Thread(target=_show_pages, args=(report, process, port), daemon=True).start()
    try:
        for line in process.stdout or ():
            report.line(Styled("web  ", "blue"), line.rstrip("\n"))
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        return
    if status := process.wait():
        remedy = "Its last lines above say why. Correct it, and run `fab dev` again."
        raise SelvedgeError(f"The app ended with exit status {status}.", remedy)


def _show_pages(report: Report, process: subprocess.Popen[str], port: int) -> None:
    """Wait until the app answers, and print the addresses of PAGES that it has."""
    address = f"http://{ADDRESS}:{port}"
    while process.poll() is None:
        time.sleep(0.2)
        if _status(f"{address}/"):
            shown = [f"{address}{page}" for page in PAGES if page == "/" or _status(f"{address}{page}") == 200]
            report.line(Styled("open ", "green"), "   ".join(shown))
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
