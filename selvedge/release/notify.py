"""Messages about releases: what is live where, or what has failed, and who did it. apprise sends them from this machine."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from selvedge.config.secret_names import NOTIFY_URLS
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Plans, Session
from selvedge.engine.workstation import who
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.release.live import Live, releases_query
from selvedge.release.record import Record, Releases
from selvedge.report.text import printable, visible
from selvedge.resources.base import Ask
from selvedge.resources.messages import APPRISE_REQUIREMENT
from selvedge.shell.library import call
from selvedge.shell.server.messages.sending import attempt, ordinal
from selvedge.shell.server.messages.text import BODY, TAIL, TITLE, beginning, quoted
from selvedge.value import Value

COMMITS = 10
"""The most commits that a message lists."""
LINE = 120
"""The most bytes of the line for a commit."""
INSTALL = f"pip install '{APPRISE_REQUIREMENT}'"
_SEVERAL = re.compile(r",[a-z][a-z0-9+.-]*://", re.IGNORECASE)
"""A comma between two addresses."""


class Switched(Value):
    """A host of a run that switches to another release: the release that was live, "" if there was none, and the one that is."""

    host: str
    old: str
    new: Record


class Message(Value):
    """A message. kind: one of apprise's types, success or failure."""

    title: str
    body: str
    kind: str


def addresses(passwords: Mapping[str, SecretStr]) -> list[str]:
    """Return the addresses of SELVEDGE_NOTIFY__URLS, [] without that variable."""
    found = passwords.get(NOTIFY_URLS)
    return found.get_secret_value().split() if found else []


def check(passwords: Mapping[str, SecretStr]) -> None:
    """Check that apprise is installed and knows each address. Raises ConfigError, which does not show the address."""
    if urls := addresses(passwords):
        _apprise(urls)


def _apprise(urls: Sequence[str]) -> list[Any]:
    """Return an object of apprise for each address. Raises ConfigError."""
    try:
        import apprise
    except ImportError:
        problem = "needs the Python package apprise, which is not installed beside fab"
        raise ConfigError("environment", NOTIFY_URLS, problem, f"Install it where fab is: `{INSTALL}`.") from None
    logging.getLogger("apprise").propagate = False
    found = []
    for number, url in enumerate(urls, 1):
        # One with a comma before a second address would get what is for both, and show the second one to the first.
        service = None if _SEVERAL.search(url) else apprise.Apprise.instantiate(url)
        if service is None:
            which = f"the {ordinal(number)} of its {len(urls)} addresses" if len(urls) > 1 else "its address"
            problem = f"{which} is none that apprise knows"
            remedy = "Its form for each service: https://github.com/caronc/apprise/wiki. Put spaces between several addresses."
            raise ConfigError("environment", NOTIFY_URLS, problem, remedy)
        found.append(service)
    return found


@contextmanager
def notified(fleet: Fleet, plans: Plans) -> Iterator[None]:
    """Send a message when the block, which makes the plans, has ended. A message that cannot be sent is only a warning."""
    urls = addresses(fleet.sessions[0].target.passwords)
    before = _before(fleet, plans) if urls else {}
    action = _action(plans)
    try:
        yield
    except SelvedgeError as error:
        if before:
            _send(fleet, urls, failure(_session(fleet, next(iter(before))).target.name, action, list(before), error))
        raise
    if before and action != "restart" and not fleet.notify.only_failures:
        _tell_of_release(fleet, urls, action, before)


def _tell_of_release(fleet: Fleet, urls: Sequence[str], action: str, before: Mapping[str, str]) -> None:
    """Send a message for each commit: hosts may have branches of their own."""
    try:
        hosts = _switched(fleet, before)
        for commit in dict.fromkeys(each.new.id[:12] for each in hosts):
            switched = [each for each in hosts if each.new.id[:12] == commit]
            session = _session(fleet, switched[0].host)
            commits = _commits(session, switched[0]) if action == "deploy" else []
            _send(fleet, urls, success(session.target.name, action, switched, commits, session.target.announced_url))
    except SelvedgeError as error:
        fleet.report.warning(f"{NOTIFY_URLS}: no message was sent about the release. {error.message}")


def _session(fleet: Fleet, host: str) -> Session:
    """Return the session of a host that runs the app: another one may be its balancer, whose site has a name of its own."""
    return next(session for session in fleet.sessions if session.name == host)


def _action(plans: Plans) -> str:
    """Return deploy, rollback or restart."""
    names = {item.name for items in plans.values() for item in items}
    return next((name for name in ("rollback", "restart") if name in names), "deploy")


def _before(fleet: Fleet, plans: Plans) -> dict[str, str]:
    """Return the live release of each host that may get another one, by its name; "" if there is none, or it is unknown."""
    found: dict[str, str] = {}
    # The steps of a balancer's site may wait for others, too, but it runs no release.
    for name in [session.name for session in fleet.sessions if not session.target.backends]:
        for item in plans[name]:
            changed = any(isinstance(resource, Live) for resource, _ in item.plan.changes)
            if changed or (item.pending and item.step.phase == "switch"):
                facts = [fact for resource, fact in zip(item.resources, item.facts, strict=False) if isinstance(resource, Live)]
                found.setdefault(name, Releases.parse(facts[0]).live if facts else "")
    return found


def _switched(fleet: Fleet, before: Mapping[str, str]) -> list[Switched]:
    sessions = [session for session in fleet.sessions if session.name in before]
    facts = fleet.each(lambda session: session.read([Ask(releases_query(session.target))])[0], sessions)
    pairs = [(session.name, Releases.parse(fact)) for session, fact in zip(sessions, facts, strict=True)]
    return [
        Switched(name, before[name], found.record(found.live) or Record(found.live, "good"))
        for name, found in pairs
        if found.live and found.live != before[name]
    ]


def _commits(session: Session, switched: Switched) -> list[str]:
    """Return a line for each commit since the release before, the newest first; [] without one before."""
    if not switched.old:
        return []
    old, new = switched.old[:12], switched.new.id[:12]
    shell = call("releases_commits", old, new, str(COMMITS + 1), given=session.target.shell_values)
    return session.read([Ask(shell)])[0].splitlines()


def success(app: str, action: str, switched: Sequence[Switched], commits: Sequence[str], url: str) -> Message:
    """Return the message that a release is live on these hosts. commits: those since the release before, the newest first."""
    new = switched[0].new
    title = f"{app}: {new.id[:12]} is live" if action == "deploy" else f"{app}: rolled back to {new.id[:12]}"
    shown = list(commits[:COMMITS]) or [f"{new.subject} ({new.author})" if new.author else new.subject]
    lines = [*(beginning(line, LINE) for line in shown), *(["…"] if len(commits) > COMMITS else [])]
    return _message(title, lines, _last([each.host for each in switched], action, url), "success")


def failure(app: str, action: str, hosts: Sequence[str], error: SelvedgeError) -> Message:
    """Return the message that a run has failed. An error that is too long keeps its remedy."""
    last = _last(hosts, action)
    remedy = beginning(_shown([error.remedy]), BODY // 3)
    problem = beginning(_shown([error.message]), BODY - len("\n".join(["", remedy, last]).encode()))
    return Message(beginning(f"{app}: {action} failed", TITLE), "\n".join(filter(None, [problem, remedy, last])), "failure")


def _message(title: str, lines: Sequence[str], last: str, kind: str) -> Message:
    """Return a message whose body begins with the lines, as far as there is room for them, and ends with `last`."""
    text = beginning(_shown(lines), BODY - len(last.encode()) - 1)
    return Message(beginning(title, TITLE), "\n".join(filter(None, [text, last])), kind)


def _shown(lines: Sequence[str]) -> str:
    """Return the text of commits and of errors, which others have written, without escape sequences and mentions."""
    return quoted("\n".join(visible(line) for line in filter(None, lines)))


def _last(hosts: Sequence[str], action: str, url: str = "") -> str:
    """Return the last lines of a message: where something has changed, by what and by whom."""
    return "\n".join([f"{beginning(', '.join(hosts), TAIL)}: fab {action} by {_shown([who()])}", *filter(None, [url])])


def _send(fleet: Fleet, urls: Sequence[str], message: Message) -> None:
    """Send a message to all addresses. What goes wrong is a warning, which does not show the address."""
    with fleet.report.activity(fleet.sessions[0].name, "", "sending a message about it", live_only=True):
        for problem in send(urls, message):
            fleet.report.warning(problem)


def send(urls: Sequence[str], message: Message) -> list[str]:
    """Send a message to all addresses. Return a sentence for each problem, which does not show the address."""
    try:
        services = _apprise(urls)
    except ConfigError as error:
        return [f"No message was sent. {error.message}"]
    problems = []
    for number, (url, service) in enumerate(zip(urls, services, strict=True), 1):
        said = attempt(service, message.title, message.body, message.kind, url)
        if said is not None:
            where = f"the {ordinal(number)} of the {len(urls)} addresses in {NOTIFY_URLS}" if len(urls) > 1 else NOTIFY_URLS
            problems.append(f"No message was sent to {where}{f': {printable(said)}' if said else ''}.")
    return problems
