"""What users were told of a cause: a timer, a backup. They hear when it begins to fail, and when it works again."""

import contextlib
import fcntl
import json
import os

from . import settings

LIMIT = 4
"""The most messages an hour of one cause."""
OTHERS = 20
"""The most messages an hour without a cause."""
HOUR = 3600
SENDING = 300
"""Seconds in which a message has arrived, or will not."""
SERVER = ".server"
"""The folder of the states that belong to no app."""
OTHER = "other"
"""The name of the state of messages without a cause."""


def decide(state, kind, now, *, repeated=False):
    """Return whether to send a message, and the new state. kind: failure or success. now: in seconds since 1970.

    repeated: the caller says the same thing until it has arrived, so that it counts once, and is later but not left out.
    Of a state, `told` is the last kind that has arrived, `sending` a kind and since when it is on its way, `sent` the times of the
    last messages, `failures` and `since` count the failures after the last success, and `held` the messages that were too many.
    """
    state = {**state, "sent": [at for at in state.get("sent", []) if now - HOUR < at <= now]}
    known = _on_its_way(state, now) or state.get("told", "success")
    if kind == "failure":
        state["failures"] = state.get("failures", 0) + (not repeated or "since" not in state)
        state.setdefault("since", now)
    elif known == "success":
        state.pop("failures", None), state.pop("since", None)
    if kind == known:
        return False, state
    if len(state["sent"]) >= LIMIT:
        return False, state if repeated else {**state, "held": state.get("held", 0) + 1}
    return True, {**state, "sent": [*state["sent"], now], "sending": [kind, now]}


def _on_its_way(state, now):
    """Return the kind of the message that is on its way, None without one."""
    found = state.get("sending")
    return found[0] if found and 0 <= now - found[1] < SENDING else None


def has_arrived(state, kind, now):
    """Return whether the last that users have heard is of this kind, and nothing is on its way."""
    return not _on_its_way(state, now) and state.get("told", "success") == kind


def admit(state, now):
    """Return whether to send a message without a cause, and the new state."""
    sent = [at for at in state.get("sent", []) if now - HOUR < at <= now]
    if len(sent) >= OTHERS:
        return False, {"sent": sent, "held": state.get("held", 0) + 1}
    return True, {"sent": [*sent, now]}


def arrived(state, kind):
    """Return the state after a message has arrived."""
    state = {name: value for name, value in state.items() if name not in ("sending", "held")}
    if kind == "success":
        state.pop("failures", None), state.pop("since", None)
    return {**state, "told": kind}


def lost(state):
    """Return the state after a message could not be sent: the next run tries again, within the limit."""
    return {name: value for name, value in state.items() if name != "sending"}


@contextlib.contextmanager
def remembered(app, cause):
    """Read and write the state of a cause. Yields a dictionary to change; an empty one leaves no file. app: "" for the server."""
    folder = f"{settings.STATE}/{app or SERVER}"
    os.makedirs(folder, 0o700, exist_ok=True)
    with open(f"{settings.STATE}/.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = read(f"{folder}/{cause}")
        yield state
        with open(f"{folder}/.{cause}", "w", encoding="utf-8") as file:
            json.dump(state, file)
        os.replace(f"{folder}/.{cause}", f"{folder}/{cause}")


def known(app, cause):
    """Return whether there is a state of a cause."""
    return os.path.exists(f"{settings.STATE}/{app or SERVER}/{cause}")


def read(path):
    """Return the state in a file. A power cut may have left it empty."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
