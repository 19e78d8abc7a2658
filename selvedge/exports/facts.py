"""What the exports are made from: the settings, and the app's repository on this machine."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path

from selvedge.cli.repository import Repository
from selvedge.cli.variables import settings_variables
from selvedge.config.dotenv import read_environment
from selvedge.config.files import hosts_file_name
from selvedge.config.processes import Process
from selvedge.config.services import Services
from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.config.timers import Timer
from selvedge.config.variables import OVERRIDDEN
from selvedge.errors import ConfigError, UsageError
from selvedge.exports.shared import entries, own_targets, shared_target
from selvedge.release.servers import app_server
from selvedge.resources.code.git import git
from selvedge.resources.code.local_repository import require_top_folder, unreadable
from selvedge.shell.quoting import quote
from selvedge.shell.server.project import locks, names, pythons
from selvedge.shell.server.project.files import Checkout, Refused
from selvedge.value import Value

PYTHON = "3.13"
"""The Python of an app that asks for none."""
_OF_THE_IMAGE = OVERRIDDEN - {"RELEASE"} | {"PORT", "WEB_CONCURRENCY"}
"""Variables that the image sets itself. An export gives the app no others of these names."""


class Facts(Value):
    """The settings that all servers share, and the app's repository on this machine.

    app: the settings of the servers if they are the same on all of them, else those without the tables of single servers.
    top: the repository's top folder. lock: the file with the app's packages, relative to the app's folder. python: the version of
    Python, e.g. "3.13".
    """

    settings: Settings
    app: Target
    top: Path
    lock: str
    python: str

    @classmethod
    def of(cls, settings: Settings) -> Facts:
        """Return the facts. Raises UsageError and ConfigError if the repository is not on this machine, or cannot be built."""
        app = shared_target(settings)
        top = _top(app)
        tree = Checkout(str(top))
        try:
            lock, _ = locks.find(tree, app.root, app.requirements)
            locks.check_readable(tree, app.root, lock)
            names.check(tree, app.root, lock, app.extras, app.dependency_groups)
            others, _ = pythons.decide(tree, app.root, lock, app.python, app.python or PYTHON)
        except Refused as error:
            raise ConfigError(str(top), "", str(error)) from None
        return cls(settings, app, top, lock, others[0] if others else app.python or PYTHON)

    @cached_property
    def targets(self) -> list[Target]:
        """The settings of each server of hosts.toml."""
        return own_targets(self.settings)

    @property
    def timers(self) -> dict[str, Timer]:
        """The timers, those of single servers among them."""
        return entries(self.settings, "timers", self.targets)

    @property
    def services(self) -> Services:
        """PostgreSQL and Redis, if any server has them."""
        return self.settings.services

    @property
    def code(self) -> Path:
        """The app's folder."""
        return self.top / self.app.root

    @cached_property
    def variables(self) -> list[str]:
        """The names of the app's variables: of app.env_file on each server, of its settings class, and of its services.

        Values are not kept.
        """
        files = [app.local_file(app.env_file) for app in (self.app, *self.targets) if app.env_file]
        own = [name for file in dict.fromkeys(files) for name in read_environment(file)]
        required = settings_variables(Repository(self.top), self.app.root)
        found = dict.fromkeys([*self.services.environment(self.app.name), *own, *required])
        return [name for name in found if name not in _OF_THE_IMAGE]

    @property
    def minor(self) -> str:
        """The version of Python without its patch version, e.g. "3.13"."""
        return ".".join(self.python.split(".")[:2])

    @property
    def image(self) -> str:
        """The name of the image, which cannot end with a dash."""
        return self.app.name.strip("-")

    @property
    def source(self) -> str:
        """The address of the repository in a browser, the same for each clone; "" if it is on no server."""
        own = self.app.repository_is_local
        address = git(self.top, "remote", "get-url", "origin").stdout.strip() if own else self.app.repository
        remote = re.match(r"https?://|ssh://|git://|[\w.-]+@[\w.-]+:", address)
        return f"https://{_plain(address)}" if remote else ""

    def inside(self, setting: str) -> str:
        """Return a file of the settings as a path in the repository; "" if it is elsewhere, or not set."""
        path = self.app.local_file(setting).resolve() if setting else Path("/")
        return str(path.relative_to(self.top.resolve())) if path.is_relative_to(self.top.resolve()) else ""

    @property
    def build_secret(self) -> str:
        """The file with the variables of the build, relative to the repository's top folder, or below `~/`, "" without one.

        It is as hosts.toml names it: the folders of this machine belong in no file of the repository.
        """
        path = Path(self.app.build_env_file)
        if not self.app.build_env_file or path.is_absolute() or path.parts[0].startswith("~"):
            return self.app.build_env_file
        return os.path.relpath(self.app.local_file(str(path)).resolve(), self.top.resolve())

    @property
    def secret_option(self) -> str:
        """The option that gives `docker build` these variables, with a blank before it, "" without them."""
        path = self.build_secret
        if path.startswith("~/"):
            return f' --secret id=build_env,src="$HOME"/{quote(path[2:])}'
        # The option's value is a line of CSV.
        field = '"src={}"'.format(path.replace('"', '""')) if re.search('[,"]', path) else f"src={path}"
        return f" --secret {quote(f'id=build_env,{field}')}" if path else ""

    @property
    def python_path(self) -> list[str]:
        """The folders of the repository that Python imports from, as on the servers."""
        folders = [self.app.root or ".", f"{self.app.root}/src".lstrip("/")]
        return [each for each in folders if (self.top / each).is_dir()]

    @property
    def has_module(self) -> bool:
        """Whether the repository has the module or package of app.module, as far as its name up to the first dot says."""
        name = re.split(r"[.:]", self.app.module)[0]
        return any((self.top / folder / each).exists() for folder in self.python_path for each in (f"{name}.py", name))

    @property
    def start(self) -> list[str]:
        """The words of the command that starts the app server, without its address and the number of workers."""
        app = self.app
        if app.server == "gunicorn":
            words = ["gunicorn", app.asgi, "--worker-class", app.worker_class, "--timeout", str(app.timeout)]
            words += ["--graceful-timeout", str(app.stop_timeout), "--forwarded-allow-ips", "*", "--log-level", app.log_level]
            return [*words, *(["--access-logfile", "-"] if app.access_log else [])]
        if app.server == "uvicorn":
            words = ["uvicorn", app.asgi.removesuffix("()"), *(["--factory"] if app.asgi.endswith("()") else [])]
            words += ["--timeout-graceful-shutdown", str(app.stop_timeout), "--forwarded-allow-ips", "*"]
            return [*words, "--log-level", app.log_level, *([] if app.access_log else ["--no-access-log"])]
        words = ["hypercorn", app.asgi, "--graceful-timeout", str(app.stop_timeout), "--log-level", app.log_level]
        return [*words, *(["--access-logfile", "-"] if app.access_log else [])]

    def shell(self, port: str = "$PORT", workers: str = "") -> str:
        """Return the start command as a line of shell, for all addresses. workers: "" to leave it to $WEB_CONCURRENCY."""
        words = " ".join(quote(word) for word in self.start)
        listen = f"--host 0.0.0.0 --port {port}" if self.app.server == "uvicorn" else f"--bind 0.0.0.0:{port}"
        # Hypercorn does not read the variable.
        workers = workers or ("${WEB_CONCURRENCY:-2}" if self.app.server == "hypercorn" else "")
        return f"{words} {listen}{f' --workers {workers}' if workers else ''}"

    def processes(self, *taken: str) -> dict[str, Process]:
        """Return the processes by their names. A name that the platform has `taken` gets "-process" at its end."""
        found: dict[str, Process] = {}
        own: dict[str, Process] = entries(self.settings, "processes", self.targets)
        for name, process in own.items():
            new = name
            while new in taken or (new != name and new in own):
                new += "-process"
            found[new] = process
        return found

    @property
    def workers(self) -> int:
        """The number of workers in a container: app.workers, else two, since more containers serve more requests."""
        return self.app.workers or 2

    @property
    def server_packages(self) -> list[str]:
        """The Python packages of the app server."""
        return list(app_server(self.app).packages(self.app))

    @property
    def memory(self) -> int:
        """app.memory_max in MiB, 0 if it is a share of a server's memory."""
        limit = self.app.memory_max
        return 0 if limit.endswith("%") else max(int(limit[:-1]) * 1024 ** "KMGT".index(limit[-1]) // 1024, 1)

    @property
    def share(self) -> str:
        """app.memory_max for a header's list of what is left out, if it is a share of a server's memory."""
        return "" if self.memory else f" memory_max (it is {self.app.memory_max} of a server's memory),"

    @property
    def own_host(self) -> str:
        """The Host header of the check for such a list, if it is not localhost: most platforms send another one."""
        host = self.app.health_host_header
        return "" if host == "localhost" else f" the Host header {host} of the check (the app must accept the platform's),"

    @property
    def usual_health(self) -> bool:
        """Whether the health check accepts exactly the statuses that platforms accept, 200 to 399."""
        return self.app.health_ranges == [(200, 399)]

    @property
    def check(self) -> list[str]:
        """The words of a command that asks the app for its health in its own container."""
        return self.check_at(self.app.health_host_header)

    def check_at(self, host: str) -> list[str]:
        """Return the words of this command with another Host header."""
        app = self.app
        program = (
            "import http.client, os, sys; "
            f"app = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT', '8000')), timeout={app.health_timeout:g}); "
            f"app.request('GET', {app.health!r}, headers={{'Host': {host!r}}}); "
            "status = app.getresponse().status; "
            f"sys.exit(not any(low <= status <= high for low, high in {app.health_ranges!r}))"
        )
        return ["python", "-c", program]


def _top(app: Target) -> Path:
    """Return the top folder of the app's repository on this machine. Raises ConfigError or UsageError if it is not there."""
    path = app.repository_path
    if path is None:
        return _clone(app)
    if not path.is_dir():
        problem = f"{path} is a file" if path.exists() else f"the folder {path} does not exist"
        raise ConfigError(hosts_file_name(), "app.repository", problem, "Name the folder of the app's git checkout.")
    asked = git(path, "rev-parse", "--show-toplevel")
    if asked.returncode:
        raise unreadable(path, asked.stderr)
    require_top_folder(app, path)
    if not (path / app.root).is_dir():
        raise ConfigError(hosts_file_name(), "app.root", f"the folder {path / app.root} does not exist", "Correct it.")
    return path


def _clone(app: Target) -> Path:
    """Return the repository around hosts.toml, if it is a clone of the address in hosts.toml. Raises UsageError."""
    base = app.base_dir.resolve()
    asked = git(base, "rev-parse", "--show-toplevel")
    top = Path(asked.stdout.strip())
    addresses = git(base, "config", "--get-regexp", r"^remote\..*\.url$").stdout.split() if asked.returncode == 0 else []
    if any(_plain(address).lower() == _plain(app.repository).lower() for address in addresses[1::2]) and (top / app.root).is_dir():
        return top
    shown = app.repository_shown
    raise UsageError(
        f"An export is written to the app's repository on this machine. app.repository is the address {shown}, and {base} is no "
        "clone of it.",
        f"Clone it, and name the folder: `git clone {quote(shown)} app`, then `SELVEDGE_APP__REPOSITORY=./app fab export.…`.",
    )


def _plain(address: str) -> str:
    """Return an address without scheme, login, port and `.git`: the same for each form of it."""
    found = re.sub(r"^\w+://", "", address)
    found = re.sub(r"^[^@/]*@", "", found)
    return re.sub(r":\d+/|:/?", "/", found, count=1).removesuffix("/").removesuffix(".git")
