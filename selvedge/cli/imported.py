"""Import an app in its project's own environment, to know the paths that it answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from selvedge.project.interpreters import interpreters
from selvedge.shell import library

SECONDS = 30
"""Seconds for the import. Apps that load models take longer, and are not waited for."""
_SERVER = Path(library.__file__).parent / "server"
# The answer goes to a file of its own, since an app may print anything. Threads that it has started do not hold it up.
_PROGRAM = """
import json, os, sys
import selvedge_app
found = json.dumps(selvedge_app.routes(selvedge_app.load(sys.argv[1])))
with open(sys.argv[2], "w") as file:
    file.write(found)
os._exit(0)
"""


def routes(top: Path, root: str, module: str) -> list[str] | None:
    """Return the paths of the app's GET routes without parameters; None if no environment can import it."""
    code = top / root
    paths = [str(code), str(code / "src"), str(_SERVER)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "routes.json")
        for python in interpreters(top, root):
            _run([str(python), "-c", _PROGRAM, module, str(answer)], code, environment)
            try:
                return [str(each) for each in json.loads(answer.read_text("utf-8"))]
            except (OSError, ValueError, TypeError):
                continue
    return None


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a program without input and output, and end it with all programs that it has started. It may fail."""
    quiet = subprocess.DEVNULL
    try:
        started = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
    except OSError:
        return
    try:
        started.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return
    finally:
        with contextlib.suppress(OSError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
