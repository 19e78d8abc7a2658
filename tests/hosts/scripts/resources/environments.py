"""Environments that the real uv and pip build on a server that consists of folders. No test here needs the network."""

from __future__ import annotations

import json
import shutil
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selvedge.resources.code.venv import Venv
from tests.hosts.scripts.server import Done

PROJECTS = Path(__file__).parents[3] / "projects"
ENVIRONMENTS = "/srv/hello/venvs"
CACHE = "/var/cache/selvedge/daemon"
OFFLINE = "export UV_OFFLINE=1 UV_FIND_LINKS=/opt/wheels PIP_NO_INDEX=1 PIP_FIND_LINKS=/opt/wheels\n"


class Builder:
    """Builds the environments of releases, as the user `daemon`."""

    def __init__(self, server: Any, installer: str = "uv") -> None:
        self.server, self.installer, self.count, self.before = server, installer, 0, OFFLINE
        server.path(ENVIRONMENTS).mkdir(parents=True)
        server.seconds = 60
        # Where programs keep their temporary files.
        server.path("/root").chmod(0o1777)
        self.uv = server.path("/opt/selvedge/uv/bin/uv")
        self.uv.parent.mkdir(parents=True)
        shutil.copy2(Path(sysconfig.get_path("scripts"), "uv"), self.uv)
        wheels = server.path("/opt/wheels")
        wheels.mkdir()
        with zipfile.ZipFile(wheels / "extra_package-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr("extra_package.py", "")
            wheel.writestr("extra_package-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: extra-package\nVersion: 1\n")
            wheel.writestr("extra_package-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr("extra_package-1.dist-info/RECORD", "extra_package.py,,\n")

    def release(self, project: Path, **settings: Any) -> Venv:
        """Return the environment of a new release with the files of a folder."""
        self.count += 1
        folder = f"/srv/hello/releases/{self.count:012}"
        shutil.copytree(project, self.server.path(folder), symlinks=True)
        places = {"root": "", "repo": "/srv/hello/repo.git", "commit": "HEAD", "venvs": ENVIRONMENTS, "cache": CACHE}
        given = places | {"requirements": "", "extras": (), "installer": self.installer} | settings
        programs = {"python": "/usr/bin/python3", "uv": "/opt/selvedge/uv/bin/uv"}
        return Venv(folder, user="daemon", **programs, **given)

    def build(self, project: Path, **settings: Any) -> Done:
        """Build the environment of a new release, and check what holds for each."""
        self.last = self.release(project, **settings)
        done = self.server.apply(self.server.plan(self.last), before=self.before)
        if done.status == 0:
            assert not self.server.plan(self.last)
            self.check()
        return done

    def must(self, project: Path, **settings: Any) -> str:
        """Build as `build` does, and return what it did: "built", "renewed" or "shared"."""
        done = self.build(project, **settings)
        assert done.status == 0, done.output
        [how] = [how for how, words in HOW.items() if any(words in said for said in done.said)]
        return how

    def check(self) -> None:
        """Check that the environment leads nowhere else, and belongs to root."""
        environment = self.environment()
        for entry in [environment, *environment.rglob("*")]:
            status = entry.lstat()
            assert (status.st_uid, status.st_mode & 0o022 == 0 or entry.is_symlink()) == (0, True), entry
            if entry.is_file() and not entry.is_symlink():
                content = entry.read_bytes()
                assert b"/srv/hello/releases/" not in content, entry
                assert b"/var/cache/selvedge" not in content or entry.name == "RECORD", entry
        assert not list(self.server.path(CACHE).glob("build.*"))

    def environment(self) -> Path:
        """Return the environment of the last release."""
        link = self.server.path(f"{self.last.release}/.venv")
        return Path(self.server.path(ENVIRONMENTS), link.readlink().name)

    def run(self, command: str) -> str:
        """Run a command in the environment of the last release, and return its output."""
        done = self.server.run(f"cd / && PATH={self.last.release}/.venv/bin:$PATH; {command}")
        return done.stdout.decode().strip()


HOW = {"built": " installs ", "renewed": "installing only", "shared": "using the virtual environment of an earlier release"}


def project(name: str, to: Path, files: Mapping[str, str | bytes | None] | None = None) -> Path:
    """Copy a project, and write or remove (None) files of it."""
    shutil.copytree(PROJECTS / name, to)
    for pyproject in to.rglob("pyproject.toml"):
        if "tiny_backend" in pyproject.read_text():
            shutil.copy2(PROJECTS / "tiny_backend.py", pyproject.parent)
    edit(to, files or {})
    return to


def edit(folder: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Write or remove (None) files of a project."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def record(environment: Path) -> Any:
    """Return the record of an environment's inputs."""
    return json.loads((environment / "selvedge-inputs.json").read_text())
