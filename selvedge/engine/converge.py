"""Make the changes of steps on one server until nothing differs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from selvedge.engine.session import Planned, Session
from selvedge.errors import StepError

ROUNDS = 4
"""How often a step is made before the run fails because the server still differs."""


def converge(
    session: Session,
    items: Sequence[Planned],
    resolve: Callable[[Session], None],
    following: Sequence[Planned] = (),
) -> list[Planned]:
    """Make the steps in order; return the `following` steps, planned from the last reading.

    After each change, everything up to the next step with changes is read again, so that no step relies on an old reading.
    Later steps are read after that one. resolve: finds the commit for a step that waits for it. The result is empty if the
    last step changed nothing.
    """
    queue = deque(items)
    rounds = 0
    last: list[Planned] = []
    while queue:
        item = queue[0]
        if item.old:
            queue = deque(session.plan([each.step for each in queue]))
            continue
        if not item:
            queue.popleft()
            rounds = 0
            session.report.finish(session.name, item.name)
            continue
        rounds += 1
        if rounds > ROUNDS:
            raise still_differs(session, item)
        rest = [*list(queue)[1:], *(following if len(queue) == 1 else ())]
        near = next((number for number, each in enumerate(rest, 1) if each), len(rest))
        steps = [each.step for each in (item, *rest[:near])]
        planned = session.apply(item, [] if item.pending else steps) if item.plan else []
        if item.pending:
            resolve(session)
            planned = session.plan(steps)
        found = [*planned, *(replace(each, old=True) for each in rest[near:])]
        queue, last = deque(found[: len(queue)]), found[len(queue) :]
    return last


def prove(session: Session, items: Sequence[Planned]) -> list[Planned]:
    """Read the steps again and return them. Raises StepError if something still differs."""
    planned = session.plan([item.step for item in items])
    for item in planned:
        if item:
            raise still_differs(session, item)
    return planned


def still_differs(session: Session, item: Planned) -> StepError:
    """Return the error for a server that still differs after the step's changes."""
    left = "; ".join(change.summary for _, change in item.plan.changes) or item.pending
    return StepError(
        f"{session.name}: the changes of {item.name} were made, but the server still differs: {left}.",
        "Either another program on the server undoes the change, or the change had no effect. "
        f"See the output on the server: `sudo less /var/log/selvedge/{session.target.name}.log`.",
    )
