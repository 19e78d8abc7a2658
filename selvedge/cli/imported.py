"""Import an app in its project's own environment, to know the paths that it answers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from selvedge.shell import library

SECONDS = 30
"""Seconds for the import. Apps that load models take longer, and are not waited for."""
_SERVER = Path(library.__file__).parent / "server"
_MARK = "selvedge routes: "
_PROGRAM = f"""
import json, sys
import selvedge_app
print({_MARK!r} + json.dumps(selvedge_app.routes(selvedge_app.load(sys.argv[1]))))
"""


def interpreters(top: Path, root: str) -> Iterator[Path]:
    """Yield the Pythons of the project's environments: the active one, and .venv or venv in its folder and in the top one."""
    active = os.environ.get("VIRTUAL_ENV")
    folders = [Path(active)] if active else []
    folders += [top / root / name for name in (".venv", "venv")] + [top / name for name in (".venv", "venv")]
    yield from dict.fromkeys(folder / "bin/python" for folder in folders if (folder / "bin/python").exists())


def routes(top: Path, root: str, module: str) -> list[str] | None:
    """Return the paths of the app's GET routes without parameters; None if no environment can import it."""
    code = top / root
    paths = [str(code), str(code / "src"), str(_SERVER)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    for python in interpreters(top, root):
        try:
            done = subprocess.run(
                [python, "-c", _PROGRAM, module], cwd=code, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, errors="replace", timeout=SECONDS, check=False,
            )  # fmt: skip
        except (subprocess.TimeoutExpired, OSError):
            continue
        for line in done.stdout.splitlines():
            if line.startswith(_MARK):
                found: list[str] = json.loads(line.removeprefix(_MARK))
                return found
    return None
