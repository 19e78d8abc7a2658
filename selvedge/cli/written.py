"""The text of the files that `selvedge init` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from selvedge.cli.plan import Project
from selvedge.config.procfile import process_tables
from selvedge.value import Value

FABFILE = '''"""The tasks of `fab` for this project: `fab --list` shows them. Add your own below."""

from selvedge.project import collection

namespace = collection(__file__)
'''
FABRIC = """# `fab` runs the tasks on the servers of hosts.toml, on all of them at once.
tasks:
  executor_class: selvedge.executor.Executor
"""
ENV_FILE = "production.env"


class Server(Value):
    """The answers about the server: its address, the user that can log in now, and the app's domain ("" for none)."""

    address: str
    user: str
    domain: str


def hosts(project: Project, server: Server) -> str:
    """Return the text of hosts.toml. Every line says what it is for."""
    app: list[tuple[str, str | list[str], str]] = [
        ("name", project.name, "names the app's user, folders, process and site on the server"),
        ("repository", ".", "this repository: `fab deploy` pushes its commits over SSH"),
        ("branch", project.branch, "`fab deploy` releases its newest commit"),
        ("root", project.root, "the app's folder in the repository"),
        ("module", project.module, "the ASGI app: module:variable"),
        ("server", project.server, "the app server, as your own start command names it; the default is gunicorn"),
        ("health", project.health, "the health check: this path must answer before a release gets requests"),
        ("health_status", list(project.health_status), "the statuses of a healthy answer"),
        ("migrate", project.migrate, "runs once per deploy, before the new release is live"),
        ("env_file", ENV_FILE if project.variables else "", "the app's variables; keep this file out of git"),
        ("domains", [server.domain] if server.domain else "", "the app's names; turns on HTTPS"),
    ]
    lines = ["# The app and its servers. Keep secrets out of this file.", "", "[app]", *_lines(app)]
    if not server.domain:
        lines.append('# domains = ["app.example.com"]  # turns on HTTPS; its DNS record must lead to the server')
    if not project.variables:
        lines.append(f'# env_file = "{ENV_FILE}"  # a file with the app\'s variables; keep it out of git')
    if project.static:
        table = ", ".join(f"{_toml(path)} = {_toml(folder)}" for path, folder in project.static)
        lines += ["", "[nginx]", f"static = {{ {table} }}  # nginx serves these folders itself"]
    login = [
        ("address", server.address, "host name or IP address"),
        ("bootstrap_user", server.user, "logs in until `fab setup` has created the user deploy"),
    ]
    if project.processes:
        lines += ["", process_tables(dict(project.processes)).rstrip("\n")]
    return "\n".join([*lines, "", "[hosts.server]", *_lines(login), ""])


def _lines(settings: Sequence[tuple[str, str | list[str], str]]) -> list[str]:
    """Return the lines of the settings that have a value, with their comments below each other."""
    made = [(f"{key} = {_toml(value)}", comment) for key, value, comment in settings if value]
    width = max(len(line) for line, _ in made)
    return [f"{line:<{width}}  # {comment}" for line, comment in made]


def _toml(value: str | list[str]) -> str:
    """Return a value in TOML. JSON's strings are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def variables(names: tuple[str, ...]) -> str:
    """Return the text of the environment file: the names, each in a comment.

    A variable without a value would be an empty one for the app. One that is missing is an error that names it.
    """
    first = "# The app's variables on the servers. Remove the # and the space before each, and add its value: SECRET_KEY=…\n"
    return first + "".join(f"# {name}=\n" for name in names)
