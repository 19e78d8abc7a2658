"""The projects of tests/projects, made on this machine: their locks do not need a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from forms import Form, decoded
from lab import ROOT

PROJECTS = ROOT / "tests/projects"
UV = sysconfig.get_path("scripts")
NOT_MADE = ("dep", "plugins")
"""The package of a form that comes from a git server of the tests, and the answer of a form that is no package."""


def become(folder: Path, form: Form) -> None:
    """Put the project of a form into the folder, with its lock and its encodings, but without `dep`."""
    shutil.copytree(PROJECTS / form.project, folder, dirs_exist_ok=True)
    if not [each for each in folder.rglob("main.py") if each.read_text()]:
        shutil.copy2(PROJECTS / "main.py", folder / form.settings.get("root", ""))
    for file in folder.rglob("pyproject.toml"):
        text = file.read_text()
        if "tiny_backend" in text:
            shutil.copy2(PROJECTS / "tiny_backend.py", file.parent)
        file.write_text(re.sub(r'^dep = .*\n|, "dep"', "", text, flags=re.MULTILINE))
    _finish(folder, form)


def change(folder: Path, form: Form) -> None:
    """Make the edits of a form, as `Form.change` does."""
    for name, pairs in form.edits.items():
        text = decoded((folder / name).read_bytes(), form.encodings.get(name, "utf-8"))
        for old, new in pairs:
            assert old in text, (name, old)
            text = text.replace(old, new)
        (folder / name).write_text(text)
    _finish(folder, form)


def _finish(folder: Path, form: Form) -> None:
    if form.lock:
        command = form.lock.replace(" --upgrade-package dep", "")
        environment = {**os.environ, "PATH": f"{UV}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-c", command], cwd=folder, env=environment, check=True)
    for name, encoding in form.encodings.items():
        text = (folder / name).read_text()
        (folder / name).write_bytes(text.replace("\n", "\r\n").encode() if encoding == "crlf" else text.encode(encoding))


def made(answers: Mapping[str, str]) -> dict[str, str]:
    """Return what the app of a form answers, package → version, without those that `become` leaves out."""
    return {name: version for name, version in answers.items() if name not in NOT_MADE}
