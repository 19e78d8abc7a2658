"""`selvedge init`: write the files of a project."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selvedge.cli import packaged, written
from selvedge.cli.files import is_there, write_all
from selvedge.cli.plan import Project, look, problem
from selvedge.cli.repository import Repository
from selvedge.cli.say import Say
from selvedge.cli.written import ENV_FILE, Server
from selvedge.config.load import load
from selvedge.config.types import Address, LoginName, ModulePath, OptionalDomain
from selvedge.errors import SelvedgeError, UsageError

EXAMPLE = "203.0.113.10"
"""An address that no server has (RFC 5737), in place of one that is not known yet."""
EXECUTOR = re.compile(r"selvedge\.executor")
FABFILE_LINES = "`from selvedge.project import collection` and `namespace = collection(__file__)`"
QUESTIONS = (
    ("address", "The server's address (host name or IP)", EXAMPLE, Address),
    ("user", "The user that can log in to it now", "root", LoginName),
    ("domain", "The app's domain, for HTTPS (empty: none yet)", "", OptionalDomain),
)  # fmt: skip
"""The keys of Server: (key, question, default, type)."""
HINTS = {
    "address": f"Give a host name or an IP address alone, such as {EXAMPLE}.",
    "user": "Give the name of a user that can log in to the server, such as root or admin.",
    "domain": "Give one name, without https:// and port. Further names, and *.example.com, go into app.domains afterwards.",
    "module": "Give `module:variable` or `module:factory()`, such as app.main:app.",
}
"""What to write instead of a wrong value of a flag."""
PARTS = re.compile(
    r"(?:(?:ssh|https?)://)?(?:(?P<user>[^@/ ]+)@)?(?P<address>\[[0-9A-Fa-f:.]+\]|[^:/@\[\] ]+)(?::(?P<port>[0-9]+))?/?"
)
"""What ssh and browsers take for an address: USER@ADDRESS:PORT, and URLs."""


class Options:
    """The flags of `selvedge init`.

    given: the values by the names of the flags; None for one that is not given.

    Raises:
        UsageError: a value cannot be right.
    """

    def __init__(self, given: Mapping[str, str | None], *, yes: bool = False) -> None:
        kinds = {"module": ModulePath, **{key: kind for key, _, _, kind in QUESTIONS}}
        self.given = {key: value for key, value in given.items() if value is not None}
        self.yes = yes
        for key, value in self.given.items():
            wrong = problem(kinds[key], value) if value else "is empty. In a script, the variable that it comes from is not set"
            if wrong:
                raise UsageError(f"--{key} {_shown(value)}: {wrong}.", _hint(key, value))


def _hint(key: str, value: str, *, asked: bool = False) -> str:
    """Return what to write instead of a wrong value. asked: it was the answer to a question."""
    found = PARTS.fullmatch(value) if key == "address" else None
    address = found["address"].strip("[]") if found else ""
    if not found or problem(Address, address) or (found["user"] and problem(LoginName, found["user"])):
        return HINTS[key]
    user = "" if not found["user"] else f", and {found['user']} to the next question" if asked else f" --user {found['user']}"
    port = f" Add the port to hosts.toml afterwards: `port = {found['port']}`." if found["port"] else ""
    return f"Answer {address}{user}.{port}" if asked else f"Give `--address {address}{user}`.{port}"


def _shown(value: str) -> str:
    return value if value and value.isprintable() and value.strip() == value else ascii(value)


def init(folder: Path, options: Options, say: Say) -> None:
    """Write hosts.toml, fabfile.py and fabric.yaml at the top of the folder's repository. Existing files stay.

    Raises:
        UsageError: there is no repository or no app, or a value cannot be right. Nothing is written then.
    """
    repository = Repository.around(folder)
    repository.check_commit()
    files = {"fabfile.py": written.FABFILE, "fabric.yaml": written.FABRIC}
    there = {name for name in ("hosts.toml", ENV_FILE, ".gitignore", *files) if is_there(repository.top / name)}
    server = Server("", "", "")
    if "hosts.toml" not in there:
        project = look(repository, options.given.get("module", ""))
        _show(project, say)
        server = _server(options, say)
        files = {"hosts.toml": written.hosts(project, server), **files}
        if project.variables:
            files[ENV_FILE] = written.variables(project.variables)
        _check(files["hosts.toml"])
    elif options.given:
        flags = ", ".join(f"--{key}" for key in options.given)
        say(f"hosts.toml exists and stays as it is, so {flags} has no effect: edit the file.")
    contents = {repository.top / name: text.encode() for name, text in files.items() if name not in there}
    contents |= _ignored(repository)
    _warn(repository, there, say)
    write_all(contents, private=[repository.top / ENV_FILE])
    if not contents:
        say("Nothing to do: hosts.toml, fabfile.py and fabric.yaml are here already.")
        return
    say(f"Written in {repository.top}: {', '.join(path.name for path in contents)}.")
    _next(server, repository.top / ENV_FILE in contents, say)


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
        found[key] = options.given.get(key) or (_asked(question, default, kind, say) if ask else default)
    return Server(**found)


def _asked(question: str, default: str, kind: Any, say: Say) -> str:
    """Ask until the answer can be right. Raises UsageError at the end of the input."""
    while True:
        try:
            answer = input(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        except EOFError:
            remedy = "Run `selvedge init --yes`, which asks nothing."
            raise UsageError("The input ended before all questions were answered.", remedy) from None
        wrong = problem(kind, answer) if answer else ""
        if not wrong:
            return answer
        key = next(each[0] for each in QUESTIONS if each[1] == question)
        say(f"{_shown(answer)}: {wrong}. {_hint(key, answer, asked=True)}")


def _check(text: str) -> None:
    """Raise UsageError if the settings are not valid: before anything is written."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "hosts.toml")
        file.write_text(text, encoding="utf-8")
        try:
            load(file, environ={})
        except SelvedgeError as error:
            said = str(error).replace(str(file), "hosts.toml")
            remedy = "Rename what has this name in the repository, or write hosts.toml yourself: then it stays."
            raise UsageError(f"The settings that were found are not valid: {said}", remedy) from None


def _warn(repository: Repository, there: set[str], say: Say) -> None:
    """Say what the user has to do to files of their own, which stay as they are."""
    for name, needed, how in (
        ("fabfile.py", packaged.IMPORT, f"Add to it: {FABFILE_LINES}."),
        ("fabric.yaml", EXECUTOR, "Add under `tasks:` the line `executor_class: selvedge.executor.Executor`."),
    ):
        if name in there and not needed.search((repository.top / name).read_text("utf-8", errors="replace")):
            say(f"{name} is your own and stays. {how}")
    for name in (each for each in (ENV_FILE, ".env") if repository.tracks(each)):
        say(f"git has {name}, so each copy of the repository has its secrets. Remove it: `git rm --cached {name}`.")
    for name in (each for each in ("hosts.toml", "fabfile.py", "fabric.yaml") if repository.ignores(each)):
        say(f"git ignores {name}, so colleagues and CI do not get it. It holds no secrets: remove the line from .gitignore.")


def _ignored(repository: Repository) -> dict[Path, bytes]:
    """Return the .gitignore that keeps files with secrets, and virtual environments, out of git; {} if it does so already."""
    environments = [file.parent.name for file in sorted(repository.top.glob("*/pyvenv.cfg"))]
    missing = [name for name in (ENV_FILE, ".env") if not repository.ignores(name)]
    missing += [f"{name}/" for name in environments if not repository.ignores(f"{name}/pyvenv.cfg")]
    if not missing:
        return {}
    file = repository.top / ".gitignore"
    text = file.read_bytes() if is_there(file) else b""
    end = b"\r\n" if b"\r\n" in text else b"\n"
    lines = [text + (b"" if not text or text.endswith(b"\n") else end), *(os.fsencode(f"/{name}") + end for name in missing)]
    return {file: b"".join(lines)}


def _next(server: Server, variables: bool, say: Say) -> None:
    if server.address == EXAMPLE:
        say(f"Put your server's address in hosts.toml, in place of {EXAMPLE}.")
    if variables:
        say(f"Give the variables in {ENV_FILE} their values: remove the `# ` before each.")
    say("Next:")
    say("  fab trust          # store the server's host key, after you have compared it")
    say("  fab setup deploy   # prepare the server, and release the newest commit")
    say("  fab status         # see how the app is")
