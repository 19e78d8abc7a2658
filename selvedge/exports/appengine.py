"""`fab export.appengine`: app.yaml for Google App Engine (standard environment)."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.exports import docker
from selvedge.exports.facts import Facts
from selvedge.exports.make import rendered
from selvedge.exports.written import ExportFile

NAME = "appengine"


def files(facts: Facts) -> Iterator[ExportFile]:
    """Yield app.yaml, and .gcloudignore beside it: both belong into the app's folder."""
    folder = f"{facts.app.root}/".lstrip("/")
    source = "env PYTHONPATH=.:src " if (facts.code / "src").is_dir() else ""
    yield rendered(facts, f"{folder}app.yaml", "app.yaml.j2", NAME, source=source, instance=_instance(facts))
    secrets = [each.removeprefix(folder) for each in docker.secret_files(facts) if each.startswith(folder)]
    yield rendered(facts, f"{folder}.gcloudignore", "gcloudignore.j2", NAME, secrets=secrets)


def _instance(facts: Facts) -> str:
    """Return the smallest class of instances with the app's memory: F2, F4 or F4_1G."""
    return "F2" if facts.memory <= 768 else "F4" if facts.memory <= 1536 else "F4_1G"


def notes(facts: Facts) -> list[str]:
    """Return what App Engine needs in the app's folder, and the committed files that it does not get."""
    ignored = docker.ignored_notes(facts, "upload", ".gcloudignore")
    if facts.lock == "requirements.txt":
        return ignored
    return [
        *ignored,
        "App Engine installs requirements.txt in the app's folder: write it from your lock, for example with `uv export`.",
    ]
