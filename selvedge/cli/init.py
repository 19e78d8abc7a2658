"""`selvedge init`: write the files of a project."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from selvedge.cli import written
from selvedge.cli.plan import Project, look
from selvedge.cli.repository import Repository
from selvedge.cli.written import ENV_FILE, Server
from selvedge.config.load import load
from selvedge.config.types import Address, LoginName, OptionalDomain
from selvedge.errors import SelvedgeError, UsageError

EXAMPLE = "203.0.113.10"
"""An address that no server has (RFC 5737), in place of one that is not known yet."""
Say = Callable[[str], None]
QUESTIONS = (
    ("address", "The server's address (host name or IP)", EXAMPLE, Address),
    ("user", "The user that can log in to it now", "root", LoginName),
    ("domain", "The app's domain, for HTTPS (empty: none yet)", "", OptionalDomain),
)  # fmt: skip
"""The keys of Server: (key, question, default, type)."""


class Options:
    """The flags of `selvedge init`. An empty text: not given."""

    def __init__(self, address: str = "", user: str = "", domain: str = "", module: str = "", yes: bool = False) -> None:
        self.given = {"address": address, "user": user, "domain": domain}
        self.module = module
        self.yes = yes


def init(folder: Path, options: Options, say: Say) -> None:
    """Write hosts.toml, fabfile.py and fabric.yaml at the top of the folder's repository. Existing files stay.

    Raises:
        UsageError: there is no repository or no app, or a value cannot be right. Nothing is written then.
    """
    repository = Repository.around(folder)
    repository.check_commit()
    files = {"fabfile.py": written.FABFILE, "fabric.yaml": written.FABRIC}
    new = not (repository.top / "hosts.toml").exists()
    server = Server("", "", "")
    if new:
        project = look(repository, options.module)
        _show(project, say)
        server = _server(options, say)
        files = {"hosts.toml": written.hosts(project, server), **files}
        if project.variables:
            files[ENV_FILE] = written.variables(project.variables)
        _check(files["hosts.toml"])
    made = [name for name, text in files.items() if _write(repository.top / name, text, say)]
    made += _ignored(repository)
    if not made:
        say("Nothing to do: hosts.toml, fabfile.py and fabric.yaml are here already.")
    _show_unused(options, new, say)
    if not made:
        return
    say(f"Written in {repository.top}: {', '.join(made)}.")
    _next(server, ENV_FILE in made, say)


def _show_unused(options: Options, new: bool, say: Say) -> None:
    """Say which flags change nothing, because they would be lines of a hosts.toml that exists."""
    given = [f"--{key}" for key, value in [*options.given.items(), ("module", options.module)] if value]
    if given and not new:
        say(f"hosts.toml is here already and stays as it is, so {', '.join(given)} had no effect. Edit the file instead.")


def _show(project: Project, say: Say) -> None:
    say(f"The app is {project.module}" + (f" in the folder {project.root}." if project.root else "."))
    if project.migrate:
        say(f"Its database is migrated by `{project.migrate}`.")
    for note in project.notes:
        say(note)


def _server(options: Options, say: Say) -> Server:
    """Return the given values, and ask for the others."""
    ask = not options.yes and sys.stdin.isatty()
    found = {}
    for key, question, default, kind in QUESTIONS:
        given = options.given[key]
        if given and (problem := _problem(kind, given)):
            raise UsageError(f"--{key} {given}: {problem}.", f"Correct it, or leave --{key} out to be asked for it.")
        found[key] = given or (_asked(question, default, kind, say) if ask else default)
    return Server(**found)


def _asked(question: str, default: str, kind: Any, say: Say) -> str:
    """Ask until the answer can be right. Raises UsageError at the end of the input."""
    while True:
        try:
            answer = input(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        except EOFError:
            remedy = "Run `selvedge init --yes`, which asks nothing."
            raise UsageError("The input ended before all questions were answered.", remedy) from None
        problem = _problem(kind, answer) if answer else ""
        if not problem:
            return answer
        say(f"{answer!r}: {problem}.")


def _problem(kind: Any, value: str) -> str:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return ""


def _check(text: str) -> None:
    """Raise UsageError if the settings are not valid: before anything is written."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "hosts.toml")
        file.write_text(text, encoding="utf-8")
        try:
            load(file, environ={})
        except SelvedgeError as error:
            said = str(error).replace(str(file), "hosts.toml")
            remedy = "Name the app: `selvedge init --module …`."
            raise UsageError(f"The settings that were found are not valid: {said}", remedy) from None


def _write(path: Path, text: str, say: Say) -> bool:
    """Write a file that does not exist yet. Say so if a file of the user's own has to be edited."""
    if not path.exists():
        path.touch(0o600 if path.name == ENV_FILE else 0o666)
        path.write_text(text, encoding="utf-8")
        return True
    if path.name == "fabfile.py" and "selvedge" not in path.read_text("utf-8", errors="replace"):
        lines = "`from selvedge.project import collection` and `namespace = collection(__file__)`"
        say(f"fabfile.py is your own and stays. Add to it: {lines}.")
    if path.name == "fabric.yaml" and "selvedge.executor" not in path.read_text("utf-8", errors="replace"):
        say("fabric.yaml is your own and stays. Add under `tasks:` the line `executor_class: selvedge.executor.Executor`.")
    return False


def _ignored(repository: Repository) -> list[str]:
    """Keep files with secrets, and virtual environments, out of git. Return the changed file, if there is one."""
    environments = [file.parent.name for file in sorted(repository.top.glob("*/pyvenv.cfg"))]
    missing = [name for name in (ENV_FILE, ".env") if not repository.ignores(name) and not repository.has_file(name)]
    missing += [f"{name}/" for name in environments if not repository.ignores(f"{name}/pyvenv.cfg")]
    if not missing:
        return []
    file = repository.top / ".gitignore"
    text = file.read_text("utf-8", errors="surrogateescape") if file.exists() else ""
    end = "" if not text or text.endswith("\n") else "\n"
    lines = "".join(f"/{name}\n" for name in missing)
    file.write_text(f"{text}{end}{lines}", "utf-8", errors="surrogateescape")
    return [".gitignore"]


def _next(server: Server, variables: bool, say: Say) -> None:
    if server.address == EXAMPLE:
        say(f"Put your server's address in hosts.toml, in place of {EXAMPLE}.")
    if variables:
        say(f"Give the variables in {ENV_FILE} their values: remove the # before each.")
    say("Next:")
    say("  fab trust          # store the server's host key, after you have compared it")
    say("  fab setup deploy   # prepare the server, and release the newest commit")
    say("  fab status         # see how the app is")
