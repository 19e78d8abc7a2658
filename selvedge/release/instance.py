"""An instance: a commit with the configuration and environment it runs with. Each has a folder, a socket and a process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from pathlib import PurePosixPath

from pydantic import SecretStr

from selvedge.config.dotenv import app_environment, render_environment
from selvedge.config.target import Target
from selvedge.templates import template
from selvedge.value import Value

TEMPLATES = ("gunicorn/gunicorn_start.j2", "gunicorn/run.j2", "gunicorn/selvedge_worker.py.j2")
MANAGER_FILES = {
    "supervisor": ("supervisor/program.conf.j2",),
    "systemd": ("systemd/unit.socket.j2", "systemd/unit.service.j2"),
}
"""The templates of what each process manager reads."""


class Instance(Value):
    """What is started for a commit on a server. `id` is "<commit12>-<6 hex of the configuration's hash>": the same
    settings give the same instance on every server and in every run, and a changed setting gives a new one, which
    starts beside the old one."""

    app: Target
    commit: str
    environment: Mapping[str, SecretStr] = field(repr=False)

    @classmethod
    def of(cls, app: Target) -> Instance:
        """Return the instance of the app's commit. Raises Pending, and ConfigError where `app.env_file` cannot be read."""
        return cls(app, app.commit, app_environment(app))

    @cached_property
    def id(self) -> str:
        return f"{self.commit[:12]}-{self.digest}"

    @cached_property
    def digest(self) -> str:
        """Six hex digits over everything that the process is started with, but for the commit.

        The environment goes in by scrypt: it holds secrets, and the digest is public.
        """
        parts = [self._render(name, "ID") for name in (*TEMPLATES, *MANAGER_FILES[self.app.manager])]
        parts.append(f"{self.app.python} {self.app.installer} {self.app.requirements}")
        text = "\n".join(parts).encode()
        if self.environment:
            secret = self.environment_text().encode()
            text += hashlib.scrypt(secret, salt=self.app.name.encode(), n=2**12, r=8, p=1, dklen=16)
        return hashlib.sha256(text).hexdigest()[:6]

    @property
    def folder(self) -> str:
        return f"{self.app.paths.instances}/{self.id}"

    @property
    def release(self) -> str:
        return self.app.paths.release(self.commit)

    @property
    def code(self) -> str:
        """The app's folder in its release."""
        return f"{self.release}/{self.app.root}".rstrip("/")

    def _render(self, name: str, instance: str) -> str:
        paths = self.app.paths
        commit = "COMMIT" if instance == "ID" else self.commit
        release = paths.release(commit)
        return template(
            name,
            app=self.app,
            instance=instance,
            commit=commit,
            folder=f"{paths.instances}/{instance}",
            release=release,
            code=f"{release}/{self.app.root}".rstrip("/"),
            socket=f"{paths.run}/{instance}.sock",
            log=f"{paths.logs}/{instance}.log",
        )

    def start_script(self) -> str:
        """The text of gunicorn_start."""
        return self._render("gunicorn/gunicorn_start.j2", self.id)

    def run_script(self) -> str:
        """The text of the script that runs a command as the release runs."""
        return self._render("gunicorn/run.j2", self.id)

    def worker(self) -> str:
        """The module of gunicorn's worker class."""
        return self._render("gunicorn/selvedge_worker.py.j2", self.id)

    def manager_files(self) -> dict[str, str]:
        """What the process manager reads: the text of each file, by its name in the instance's folder."""
        templates = MANAGER_FILES[self.app.manager]
        return {PurePosixPath(name).stem: self._render(name, self.id) for name in templates}

    def environment_text(self) -> str:
        """The app's environment, as `sh` and systemd read it. Secret."""
        return render_environment(self.environment)
