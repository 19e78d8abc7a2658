"""How the balancers see the backends of a run ([balancer])."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from selvedge.config.target import Target
from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UnreachableError, UsageError
from selvedge.resources.base import Ask
from selvedge.shell.library import call
from selvedge.shell.quoting import words

BACK = 6.0
"""Seconds after which the balancers use a backend that answers again: fail_timeout in nginx/backends.conf.j2, and one more."""
LONGEST = 60.0
"""The most seconds until a backend must answer its balancers again."""
QUICK = 5.0
"""Seconds for an answer to the first question after a switch. Then the run says that it waits, and gives more time."""
Seen = Mapping[str, Collection[str]]
"""The backends that answer a balancer, by the name of the balancer's host."""


def none_left(fleet: Fleet, names: Collection[str]) -> str:
    """Return why no backend would be left if these were drained; "" if each balancer has another one that answers.

    It is "", too, if none of these answers. Raises UnreachableError, or UsageError for a file of its table, if no balancer can be
    asked.
    """
    failed: SelvedgeError | None = None
    asked = 0
    for name in fleet.balancers:
        try:
            found = _balancer(fleet, name)
            fact = found[0].read([Ask(_left_query(found[1], names))])[0] if found else ""
        except (UnreachableError, UsageError) as error:
            failed = failed or error
            continue
        asked += 1
        if found and (reason := _reason(name, found[1], names, fact)):
            return reason
    if failed and not asked:
        raise failed
    return ""


def _balancer(fleet: Fleet, name: str) -> tuple[Session, Target] | None:
    """Return the session with a balancer, and its site. Raises UsageError for a file of its table."""
    session = fleet.session_of(name)
    site = session.target.balancer_site if session else None
    return (session, site) if session and site else None


def _left_query(site: Target, names: Collection[str]) -> str:
    """Return shell that prints how a balancer sees its backends, and which other sites would have none without these hosts."""
    addresses = [address for name, address in site.backends.items() if name in names]
    return "\n".join([_answers_query(site, site.backends), f"backend_alone {words(site.paths.site_enabled, *addresses)}"])


def _answers_query(site: Target, names: Collection[str], seconds: float = LONGEST) -> str:
    """Return shell that prints what these backends answer a balancer: 0 for nothing, or if it does not use them.

    seconds: the most that it takes, whatever `app.health_timeout` is.
    """
    asked = [word for name, address in site.backends.items() if name in names for word in (name, address)]
    timeout = min(site.health_timeout, round(seconds, 1))
    return call("backend_seen", site.paths.site_enabled, *asked, given=site.shell_values, health_timeout=timeout)


def _answers(fact: str) -> dict[str, int]:
    rows = [line.split() for line in fact.splitlines()]
    return {row[1]: int(row[2]) for row in rows if row[:1] == ["backend"] and len(row) == 3}


def _healthy(site: Target, fact: str) -> list[str]:
    found = _answers(fact).items()
    return [name for name, code in found if any(first <= code <= last for first, last in site.health_ranges)]


def _reason(balancer: str, site: Target, names: Collection[str], fact: str) -> str:
    healthy = _healthy(site, fact)
    others = [name for name in site.backends if name not in names]
    if any(name in names for name in healthy) and not any(name in healthy for name in others):
        if not others:
            return f"{' and '.join(site.backends)} {'is' if len(site.backends) == 1 else 'are'} all that there are"
        return f"{' and '.join(others)} {_do(others)} not answer the balancer {balancer}"
    if alone := [line.split()[1] for line in fact.splitlines() if line.startswith("alone ")]:
        return f"{' and '.join(alone)} on the same port would have no other one at the balancer {balancer}"
    return ""


def answering(fleet: Fleet, batches: Sequence[Sequence[Session]]) -> Seen:
    """Return which backends of the batches answer each balancer; without asking if there is no more than one batch of backends.

    A balancer that cannot be asked is left out, with a warning.
    """
    of_backends = [batch for batch in batches if any(session.target.balancers for session in batch)]
    names = [session.name for batch in of_backends for session in batch]
    if len(of_backends) < 2:
        return {}
    seen: dict[str, Collection[str]] = {}
    for balancer in fleet.balancers:
        try:
            if found := _balancer(fleet, balancer):
                session, site = found
                seen[balancer] = _healthy(site, session.read([Ask(_answers_query(site, names))])[0])
        except SelvedgeError as error:
            fleet.report.warning(_cannot_ask(balancer, error))
    return seen


def wait_until_back(fleet: Fleet, batch: Sequence[Session], seen: Seen) -> None:
    """Wait until the backends of a batch answer the balancers again. seen: those that did before the run.

    Those that are drained, or new, did not. Raises SelvedgeError if one does not answer in time.
    """
    end = time.monotonic() + LONGEST
    for balancer, answered in seen.items():
        names = [each.name for each in batch if each.name in answered]
        if names and (found := _balancer(fleet, balancer)):
            _wait(fleet, *found, names, end)


def _wait(fleet: Fleet, balancer: Session, site: Target, names: Sequence[str], end: float) -> None:
    """Ask a balancer until all of these backends answer it. Raises SelvedgeError after the time `end`.

    If the balancer cannot be asked, a warning says so: the backends may be healthy.
    """
    told = False
    while True:
        seconds = max(end - time.monotonic(), QUICK) if told else QUICK
        try:
            fact = balancer.read([Ask(_answers_query(site, names, seconds))])[0]
        except SelvedgeError as error:
            fleet.report.warning(_cannot_ask(balancer.name, error))
            return
        missing = [name for name in names if name not in _healthy(site, fact)]
        if not missing:
            return
        them = " and ".join(missing)
        if time.monotonic() > end:
            answers = _answers(fact)
            codes = " and ".join(f"{name} answers {code}" for name in missing if (code := answers.get(name)))
            problem = f"{them} {_do(missing)} not answer the balancer {balancer.name} again after {LONGEST:g} s"
            stops = ", so the run stops before the next servers."
            remedy = f"`fab -H {','.join([balancer.name, *missing])} status` shows why. Then run the same command again."
            raise SelvedgeError(f"{problem}{f' ({codes})' if codes else ''}{stops}", remedy)
        if not told:
            verb = "answers" if len(missing) == 1 else "answer"
            fleet.report.line(f"Waiting until {them} {verb} the balancer {balancer.name} again.")
            told = True
        time.sleep(1)


def _cannot_ask(balancer: str, error: SelvedgeError) -> str:
    return f"{error.message} So this run cannot ask the balancer {balancer} whether its backends answer before the next servers."


def _do(names: Collection[str]) -> str:
    return "does" if len(names) == 1 else "do"


def pause_after(batch: Sequence[Session]) -> float:
    """Return the seconds until the balancers use these backends again after a switch: those whose app stops for it."""
    return BACK if any(session.target.balancers and session.target.strategy == "restart" for session in batch) else 0.0
