"""`fab env --set NAME`: write a variable to the environment file, and release it."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from selvedge.config.dotenv import read_environment
from selvedge.config.env_command import program, shown
from selvedge.config.env_file import set_variable
from selvedge.config.files import display_name
from selvedge.config.target import Target
from selvedge.config.variables import LARGEST_VARIABLE, OVERRIDDEN, refusal, total_refusal
from selvedge.errors import UsageError
from selvedge.operations.rollback import read_releases
from selvedge.release.record import Releases
from selvedge.run import Run
from selvedge.task import Step

LONGEST_LINE = 4095
"""Bytes of a line that a terminal passes on at most; it drops the rest (termios(3), canonical mode)."""
EDITORS = {
    "sops": "`sops FILE`",
    "op": "`op item edit`",
    "bw": "`bw edit item`",
    "vault": "`vault kv patch`",
    "pass": "`pass edit`",
    "gopass": "`gopass edit`",
    "doppler": "`doppler secrets set`",
    "infisical": "`infisical secrets set`",
}
"""What changes a secret, by the program that prints it."""


def env_set(run: Run, name: str, deploy: Step, *, wait: int = 0, as_json: bool = False) -> None:
    """Ask for the value of a variable, write it to app.env_file, and release the live commit of each host with it.

    On a terminal the value is not echoed; otherwise it is standard input. deploy: the chain that makes a release. wait: seconds to
    wait for the lock.

    Raises UsageError or ConfigError before anything is changed, and SelvedgeError as `Run.chain` does.
    """
    if as_json:
        raise UsageError("--json and --set cannot be used together.", "Run `fab env --json` afterwards.")
    run = run.of_app()
    path = _file(run, name)
    known = {key: value.get_secret_value() for key, value in read_environment(path).items()} if path.exists() else {}
    asks = sys.stdin.isatty()
    value = "" if asks else _checked(name, _piped(), path)
    live = _live_commits(run)
    options = {"refs": live, "force": True, "wait": wait}
    sessions = [session for session in run.fleet.sessions if live.get(session.name)]
    released = Run(run.settings, replace(run.fleet, sessions=sessions))
    if asks:
        with run.report.lent():
            value = _checked(name, _asked(name, path), path)
    _check_total(name, value, known)
    if known.get(name) == value:
        run.report.line(f"{display_name(path)} already has this value of {name}.")
    else:
        set_variable(path, name, value)
        run.report.line(f"{display_name(path)}: {name} is {'changed' if name in known else 'added'}.")
    for session in run.fleet.sessions:
        if session not in sessions:
            run.report.line(f"{session.name}: no release is live yet. Run `fab -H {session.name} deploy`.")
    _note_other_hosts(run, name, path)
    if sessions:
        released.check([deploy], options)
        released.chain([deploy], options)


def _file(run: Run, name: str) -> Path:
    """Return the environment file of the hosts. Raises UsageError if there is none, or if the variable cannot be set in it."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
        problem = f"{name!r} is not a name of a variable: use letters, digits and '_', and do not begin with a digit."
        raise UsageError(problem, "Give only the name; `fab env --set NAME` asks for the value.")
    if found := refusal(name, ""):
        raise UsageError(f"{name} cannot be set: it {found[0].removeprefix(name).strip()}.", "Give the variable another name.")
    if name in OVERRIDDEN:
        raise UsageError(f"{name} cannot be set: Selvedge sets it itself for each release.", "Give the variable another name.")
    targets = [session.target for session in run.fleet.sessions]
    if commands := [target for target in targets if target.env_command]:
        raise _not_a_file(commands[0], name)
    files = {target.host.name: target.local_file(target.env_file) for target in targets if target.env_file}
    if len(files) < len(targets):
        problem = "app.env_file is not set, so there is no file for the variable."
        raise UsageError(problem, 'Set `env_file = "production.env"` in [app] of hosts.toml. The command creates the file.')
    if len(set(files.values())) > 1:
        listed = ", ".join(f"{host} has {display_name(path)}" for host, path in files.items())
        host = next(iter(files))
        raise UsageError(f"The servers have different environment files: {listed}.", f"Run `fab -H {host} env --set {name}`.")
    return next(iter(files.values()))


def _not_a_file(app: Target, name: str) -> UsageError:
    """Return the error for an environment that a command prints. The remedy names what changes a secret of that program."""
    tool = program(app.env_command)
    editor = EDITORS.get(tool, f"the program {tool}" if tool else "the program that keeps it")
    return UsageError(
        f"{name} cannot be set here: the environment is the output of `{shown(app.env_command)}` (app.env_command).",
        f"Change {name} with {editor}, then run `fab -H {app.host.name} deploy`.",
    )


def _piped() -> str:
    """Return standard input without its last line break. Raises UsageError if it is not UTF-8 text."""
    content = sys.stdin.buffer.read(2 * LARGEST_VARIABLE)
    try:
        return re.sub(r"\r?\n\Z", "", content.decode())
    except UnicodeDecodeError:
        raise UsageError("The value on standard input is not UTF-8 text.", "Encode it, for example with base64.") from None


def _asked(name: str, path: Path) -> str:
    """Return the value that the user types or pastes. Raises UsageError if the terminal may have cut it."""
    try:
        value = getpass.getpass(f"Value of {name} in {display_name(path)} (not shown): ")
    except EOFError:
        return ""
    if len(value.encode("utf-8", "surrogateescape")) >= LONGEST_LINE:
        problem = f"The value has {LONGEST_LINE} bytes or more, and a terminal cuts such lines. {path.name} is unchanged."
        raise UsageError(problem, f"Read it from a file: `fab env --set {name} <FILE`.")
    return value


def _checked(name: str, value: str, path: Path) -> str:
    """Return the value if the app can have it. Raises UsageError."""
    unchanged = f"{display_name(path)} is unchanged."
    if not value:
        remedy = f"To set an empty value, write `{name}=` into the file, and run `fab deploy`."
        raise UsageError(f"No value was given for {name}. {unchanged}", remedy)
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise UsageError(f"The value of {name} is not text. {unchanged}", "Encode it, for example with base64.")
    if found := refusal(name, value):
        raise UsageError(f"{found[0][0].upper()}{found[0][1:]}. {unchanged}", found[1])
    return value


def _check_total(name: str, value: str, known: Mapping[str, str]) -> None:
    if found := total_refusal({**known, name: value}):
        raise UsageError(f"{found[0][0].upper()}{found[0][1:]}. Nothing was changed.", found[1])


def _live_commits(run: Run) -> dict[str, str]:
    """Return the commit of the live release of each host that has one. Raises UnreachableError or SelvedgeError."""
    found = {}
    for host, fact in read_releases(run).items():
        releases = Releases.parse(fact)
        record = releases.record(releases.live)
        if releases.live:
            found[host] = record.commit if record and record.commit else releases.live.partition("-")[0]
    return found


def _note_other_hosts(run: Run, name: str, path: Path) -> None:
    """Print which servers outside this run have the same environment file."""
    chosen = {session.name for session in run.fleet.sessions}
    settings = run.settings
    targets = [settings.target(host) for host in settings.hosts if host not in chosen | settings.sandbox]
    others = [app.host.name for app in targets if app.env_file and app.local_file(app.env_file) == path]
    if others:
        run.report.line(f"{', '.join(others)}: {name} is in this server's file, too. Run `fab -H {','.join(others)} deploy`.")
