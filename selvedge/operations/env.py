"""`fab env`: which variables of the app's environment a server has, and which are the same. Names only, never values."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from typing import Any

from selvedge.config.dotenv import app_environment
from selvedge.config.env_command import shown
from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.operations.support.each_host import nothing_live, on_each_host, raise_first_error
from selvedge.operations.support.tables import print_json, print_table
from selvedge.operations.support.text import counted
from selvedge.release.environment import Hashes, environment_hashes, parse_hashes
from selvedge.report.text import Style
from selvedge.resources.base import Ask
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.value import Value

TITLES = ("host", "variable", "state")
WORDS = {"same": "same", "different": "different", "missing": "missing on the server", "extra": "only on the server"}
STYLES: dict[str, Style] = {WORDS["different"]: "yellow", WORDS["missing"]: "yellow", WORDS["extra"]: "yellow"}


class Compared(Value):
    """The live release of a host, and the state of each variable: a key of WORDS."""

    live: str
    states: Mapping[str, str]


def env(run: Run, *, as_json: bool = False) -> None:
    """Compare the environment of each host's live release with app.env_file or app.env_command, and print the result.

    Raises ConfigError if the environment cannot be read on this machine; UnreachableError or SelvedgeError for the first host
    that could not be read or has no live release, after printing the others.
    """
    run = run.of_app()
    targets = {session.name: session.target for session in run.fleet.sessions}
    # Before any host is contacted, and in this thread: app.env_command may ask a question.
    wanted = {name: app_environment(target) for name, target in targets.items()}
    key = secrets.token_hex(32)

    def read(session: Session) -> Compared:
        shell = call("environment_compare", given=session.target.shell_values, key=key)
        fact = session.read([Ask(shell)])[0]
        return _compared(session.name, fact, environment_hashes(wanted[session.name], key))

    found = on_each_host(run, read)
    if as_json:
        print_json(run.report, {name: _as_json(targets[name], each) for name, each in found.items()})
    else:
        _print(run, targets, {name: each for name, each in found.items() if isinstance(each, Compared)})
    raise_first_error(run, found)


def _source(app: Target) -> str:
    """Return where the environment comes from, for a message; "" if no setting names it."""
    own = f"`{shown(app.env_command)}`" if app.env_command else app.env_file
    return " and ".join(filter(None, [own, "[services]" if app.services.environment(app.name) or app.remote_database else ""]))


def _compared(host: str, fact: str, wanted: Hashes) -> Compared:
    live = next((line.removeprefix("live ") for line in fact.splitlines() if line.startswith("live ")), "")
    if not live:
        raise nothing_live(host)
    variables = parse_hashes(fact, "variable")
    if variables is None:
        problem = f"{host}: could not read the environment of the live release {live}: its files or its Python are missing."
        raise SelvedgeError(problem, f"Run `fab -H {host} deploy`: it writes them again.")
    mine, theirs = dict(wanted), dict(variables)
    states = {name: _state(mine.get(name), theirs.get(name)) for name in {**mine, **theirs}}
    return Compared(live, states)


def _state(mine: str | None, theirs: str | None) -> str:
    if mine is None or theirs is None:
        return "extra" if mine is None else "missing"
    return "same" if mine == theirs else "different"


def _print(run: Run, targets: Mapping[str, Target], found: Mapping[str, Compared]) -> None:
    rows = [[host, name, WORDS[state]] for host, each in found.items() for name, state in each.states.items()]
    if rows:
        print_table(run.report, TITLES, rows, STYLES)
    for host, each in found.items():
        run.report.line(_summary(host, targets[host], each))


def _summary(host: str, app: Target, found: Compared) -> str:
    named = _source(app)
    counts = Counter(found.states.values())
    others = ", ".join(f"{counts[state]} {words}" for state, words in WORDS.items() if state != "same" and counts[state])
    if not found.states:
        nothing = f"{named} has none either" if named else "hosts.toml sets neither app.env_file nor app.env_command"
        return f"{host}: the live release {found.live} has no variables, and {nothing}."
    if not others:
        return f"{host}: the live release {found.live} has the {counted(len(found.states), 'variable')} of {named}."
    compared = f"compared with {named}" if named else "hosts.toml sets neither app.env_file nor app.env_command"
    return f"{host}: {others} ({compared}; live release {found.live}). Run `fab -H {host} deploy` to release the changes."


def _as_json(app: Target, found: Compared | SelvedgeError) -> dict[str, Any]:
    if isinstance(found, SelvedgeError):
        return {"error": str(found)}
    setting = "env_command" if app.env_command else "env_file" if app.env_file else None
    return {"app": app.name, "live": found.live, "source": setting, "variables": dict(found.states)}
