"""An instance: a commit with its settings and environment. Each has a folder, a socket and a process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cached_property
from pathlib import Path, PurePosixPath

from pydantic import SecretStr

from selvedge.config.dotenv import app_environment, build_digest, render_environment
from selvedge.config.target import Target
from selvedge.paths import Paths
from selvedge.project.render import template
from selvedge.release.environment import EnvironmentFile, Hashes, environment_hashes
from selvedge.release.managers import process_manager
from selvedge.release.replaced_shell import replacing_shell
from selvedge.release.servers import app_server
from selvedge.shell import library
from selvedge.value import Value

RUN_SCRIPT = "gunicorn/run.j2"
PROCESS_TEMPLATES = {"start": "process/start.j2", "settings": "process/settings.j2"}
"""The files of each further process, besides those of the process manager."""
_SERVER = Path(library.__file__).parent / "server"
LOADERS = {
    name: (_SERVER / name).read_text(encoding="utf-8")
    for name in ("selvedge_app.py", "selvedge_explain.py", "selvedge_asgi.py", "selvedge_log.py")
}
"""The modules that find the ASGI app, for the workers and for the check before a migration, and what the workers put around it:
the text of each, by its name."""


class Instance(Value):
    """A release, as `fab releases` calls it: a commit that runs with certain settings.

    `id` is "<commit12>-<6 hex digits of the settings' hash>", with six more digits in the middle if files go along with the
    commit (app.carry). The same settings give the same instance on every server and in every run. Other settings give another
    instance, which starts next to the old one.
    """

    app: Target
    commit: str
    environment: Mapping[str, SecretStr] = field(repr=False)

    @classmethod
    def of(cls, app: Target) -> Instance:
        """Return the instance of the app's commit. Raises Pending, and ConfigError if `app.env_file` cannot be read."""
        return cls(app, app.commit, app_environment(app))

    @cached_property
    def id(self) -> str:
        return f"{PurePosixPath(self.release).name}-{self.digest}"

    @cached_property
    def digest(self) -> str:
        """Six hex digits of a hash of the process's settings and environment, without the commit.

        The digest is public, and the environment contains secrets, so scrypt hashes the environment first.
        """
        server, manager = app_server(self.app), process_manager(self.app)
        names = (server.script, RUN_SCRIPT, *server.modules, *manager.templates)
        parts = [self._render(name, "ID") for name in names]
        parts += LOADERS.values()
        parts += self.app.shared_paths
        parts += self.process_files("ID").values()
        app = self.app
        build = [app.python, app.installer, app.requirements, *app.extras, *app.dependency_groups]
        parts.append(" ".join([*build, *filter(None, [app.index_strategy, build_digest(app)])]))
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
        """The folder of the commit's code."""
        return self.app.paths.release(self.commit)

    @property
    def code(self) -> str:
        """The app's folder in its release."""
        return _code(self.release, self.app.root)

    @property
    def venv(self) -> str:
        """The path of the virtual environment that the instance keeps, also if its commit gets another one later."""
        return f"{self.folder}/.venv"

    @cached_property
    def _image(self) -> str:
        """The name of its image, "" if it runs outside of containers."""
        if not process_manager(self.app).contains:
            return ""
        # Most apps have none, and this loads all that builds, sends and pulls images.
        from selvedge.resources.code.app_image import app_image

        return app_image(self.app).image

    @property
    def start(self) -> str:
        """The path of the script that starts the app server."""
        return _start(self.folder, self.app)

    def _render(self, name: str, instance: str, process: str = "") -> str:
        """Return the text of a template or module. For the digest the instance is "ID", and its commit is "COMMIT"."""
        if not name.endswith(".j2"):
            return (_SERVER / name).read_text(encoding="utf-8")
        app = self.app
        paths = Paths(app.name) if instance == "ID" else app.paths
        commit = "COMMIT" if instance == "ID" else self.commit
        folder, release = f"{paths.instances}/{instance}", paths.release(commit)
        return template(
            name,
            app=app,
            app_server=app_server(app),
            manager=process_manager(app),
            shell="/.selvedge/sh" if process_manager(app).contains else "/bin/sh",
            instance=instance,
            commit=commit,
            folder=folder,
            release=release,
            venv=f"{folder}/.venv",
            image=self._image if instance != "ID" else "",
            code=_code(release, app.root),
            start=_start(folder, app),
            socket=f"{paths.run}/{instance}.sock",
            log=f"{paths.logs}/{instance}.log",
            process_name=process,
            process=app.processes.get(process),
            command=replacing_shell(app.processes[process].command) if process else "",
            process_folder=f"{folder}/processes/{process}",
            process_log=f"{paths.logs}/{instance}.{process}",
        )

    def start_script(self) -> str:
        """Return the text of the script that starts the app server."""
        return self._render(app_server(self.app).script, self.id)

    def run_script(self) -> str:
        """Return the text of the script that runs a command in the release's environment."""
        return self._render(RUN_SCRIPT, self.id)

    def modules(self) -> dict[str, str]:
        """Return the Python modules of the app server: the text of each file, by its name in the instance's folder."""
        return {**self._files(app_server(self.app).modules), **LOADERS}

    def manager_files(self) -> dict[str, str]:
        """Return the files of the process manager: the text of each file, by its name in the instance's folder."""
        return self._files(process_manager(self.app).templates)

    def process_files(self, instance: str = "") -> dict[str, str]:
        """Return the files of the further processes: the text of each, by its path in the instance's folder."""
        own = process_manager(self.app).process_template
        templates = {**PROCESS_TEMPLATES, **({"manager": own} if own else {})}
        found = {}
        for process in self.app.processes:
            for file, template_name in templates.items():
                name = PurePosixPath(template_name.removesuffix(".j2")).name if file == "manager" else file
                found[f"processes/{process}/{name}"] = self._render(template_name, instance or self.id, process)
        return found

    def _files(self, names: Iterable[str]) -> dict[str, str]:
        return {PurePosixPath(name.removesuffix(".j2")).name: self._render(name, self.id) for name in names}

    @property
    def environment_hashes(self) -> Hashes:
        """The names of the environment's variables, with hashes."""
        return environment_hashes(self.environment)

    def environment_file(self) -> EnvironmentFile:
        """Return the file with the environment, readable by root and the app."""
        name, path = self.app.name, f"{self.folder}/env"
        return EnvironmentFile(
            path, self.environment_text(), "0640", group=name, secret=True, hashes=self.environment_hashes, app=name
        )

    def environment_text(self) -> str:
        """Return the app's environment in the format of `sh` and systemd. Secret."""
        return render_environment(self.environment)


def _code(release: str, root: str) -> str:
    return f"{release}/{root}".rstrip("/")


def _start(folder: str, app: Target) -> str:
    return f"{folder}/{PurePosixPath(app_server(app).script).stem}"
