"""Run the shell of a job of examples/ci/ in the current folder, a clone of the app, as the CI service does.

Usage: ci_job.py FILE JOB. SECRET_NAME in the environment is the secret NAME of the service, TASK the input of a manual run. The
job gets an empty home folder, a virtual environment as its Python, and the package of this checkout in place of a published one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from installed import build

KEPT = ("TMPDIR", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "GIT_CONFIG_GLOBAL")
Steps = list[tuple[str, dict[str, str]]]
"""The scripts of a job, each with the variables that its step has."""


def steps_of(file: Path, job: str) -> Steps:
    """Return the steps of a job that run shell."""
    read = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    if "jobs" in read:
        steps = [step for step in read["jobs"][job]["steps"] if "run" in step]
        return [(step["run"], {name: value(text) for name, text in step.get("env", {}).items()}) for step in steps]
    merged: dict[str, Any] = {**read[read[job]["extends"]], **read[job]}
    secrets = {name.removeprefix("SECRET_"): text for name, text in os.environ.items() if name.startswith("SECRET_")}
    return [("\n".join([*merged["before_script"], *merged["script"]]), {**secrets, **merged["variables"]})]


def value(text: str) -> str:
    """Return a value of `env` with its expressions evaluated, as far as the examples use them."""

    def evaluated(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(" || ")
        kind, _, key = name.partition(".")
        found = os.environ.get({"secrets": f"SECRET_{key}", "inputs": key.upper()}[kind], "")
        return found or default.strip("'")

    return re.sub(r"\$\{\{ (.*?) \}\}", evaluated, text)


def environment(home: Path) -> dict[str, str]:
    """Return the variables that the service gives to all steps."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    python, wheels = home.parent / "python", home.parent / "wheels"
    if not python.exists():
        build(wheels)
        subprocess.run([sys._base_executable, "-m", "venv", str(python)], check=True)  # type: ignore[attr-defined]
    return {**kept, "HOME": str(home), "PATH": f"{python}/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "CI": "true",
            "PIP_FIND_LINKS": str(wheels / "dist"), "GITHUB_SHA": commit, "CI_COMMIT_SHA": commit}  # fmt: skip


def main(file: str, job: str) -> int:
    """Run the job's steps up to the first that fails. Return its exit status."""
    with tempfile.TemporaryDirectory(dir=Path.cwd().parent) as home:
        common = environment(Path(home))
        for script, variables in steps_of(Path(file), job):
            done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], env={**common, **variables}, check=False)
            if done.returncode:
                return done.returncode
        files = [path for path in [*Path(home).rglob("*"), *Path.cwd().iterdir()] if path.is_file()]
        left = [path for path in files if b"PRIVATE KEY" in path.read_bytes() or path.name == "production.env"]
        assert not left, f"secrets are left behind: {left}"
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
