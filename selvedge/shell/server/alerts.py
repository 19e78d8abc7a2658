"""Pass the alerts of Prometheus on: new ones and ended ones, each once. A timer runs this program every minute ([metrics]).

A message that has not arrived is said again in the next minute, until it has; the program that sends it (messages/notify.py) limits
how often. An alert that ends before anyone has heard of it has nothing to say.

Prometheus forgets most alerts when it restarts: they are missing until it evaluates their rules, and then pending for some minutes.
So a known alert is still there while it is pending, and ends when it has been missing in three runs in a row.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.request

URL = os.environ.get("SELVEDGE_ALERTS_URL", "http://127.0.0.1:9090/api/v1/alerts")
STATE = os.environ.get("SELVEDGE_ALERTS_STATE", "/var/lib/selvedge/alerts/state.json")
NOTIFY = os.environ.get("SELVEDGE_ALERTS_NOTIFY", "/usr/local/lib/selvedge/notify")
ETC = os.environ.get("SELVEDGE_ALERTS_ETC", "/etc/selvedge")
"""The folder of each app that sends messages has notify-urls."""
BALANCER = ".balancer"
"""The end of the name that an app's site has on its balancer."""
LATER = 75
"""The exit status of that program while a message has not arrived."""
TOLD = ("TimerFailed", "BackupOld", "CertificateExpires")
"""What an app that sends messages tells, by the same thresholds, with more of the reason (messages/ended.py, checks.py)."""
HIDDEN = ("alertname", "severity", "app", "instance", "__name__")
ABOUT_JOB = "TargetDown"
"""The alert about a job of Prometheus. In others, the label names where a metric comes from."""
DOWN = "Prometheus"
MISSING = 3
"""The runs in a row without an alert after which it has ended."""


def main():
    """Compare the alerts of now with those that were said, and say what is new. Return the exit status."""
    state = read_state()
    known = state.get("alerts", {})
    found, failures = asked(), 0
    if found is None:
        for alert in known.values():
            alert.pop("missing", None)
        # One failure is a restart of Prometheus, or a boot.
        failures = state.get("failures", 0) + 1
        if failures < 5:
            write_state({**state, "failures": failures})
            return 0
        now = {key: alert for key, alert in known.items() if alert.get("kind") != "success"}
        now[DOWN] = {
            "title": "Prometheus does not answer",
            "text": "Prometheus on this server does not answer, so there are no alerts.",
            "remedy": "`sudo journalctl -u prometheus -n 50` shows why.",
        }
    else:
        now = lasting(known, *found)
    said, status = pass_on(known, now)
    write_state({"alerts": said, "failures": failures})
    return status if os.path.exists(NOTIFY) else 0


def lasting(known, firing, pending):
    """Return the alerts that fire, and those in `known` that have not ended yet.

    `missing` of an alert in `known`: how many runs in a row have not found it.
    """
    now = dict(firing)
    for key, alert in known.items():
        if key in now or key == DOWN or alert.get("kind") == "success":
            continue
        missing = 0 if key in pending else alert.get("missing", 0) + 1
        if missing < MISSING:
            now[key] = {**alert, "missing": missing}
    return now


def pass_on(known, now):
    """Say what is new of the alerts of now, and return what was said of each alert, and the exit status.

    Of an alert in `known`, `kind` is what was said last: failure, or success when it had ended. `arrived`: the message has arrived.
    """
    said, status = {}, 0
    for key in {**known, **now}:
        before, kind = known.get(key), "failure" if key in now else "success"
        alert = now.get(key) or before
        if before:
            before = {**before, "missing": alert.get("missing", 0)}
        if before and before.get("arrived", True) and before.get("kind", "failure") == kind:
            said[key] = before
            continue
        arrived = notify(key, kind, alert)
        if arrived is None:
            status = 1
            if before:
                said[key] = before
        elif kind == "failure" or not arrived:
            said[key] = {**alert, "kind": kind, "arrived": arrived}
    return said, status


def asked():
    """Return the firing alerts by their labels, without those that others tell, and the labels of the pending ones.

    None if Prometheus does not answer.
    """
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(URL, timeout=20) as answer:
            found = json.load(answer)["data"]["alerts"]
    except (OSError, ValueError, KeyError):
        return None
    found = [alert for alert in found if not told(alert["labels"])]
    firing = {key(alert["labels"]): described(alert) for alert in found if alert.get("state") == "firing"}
    return firing, {key(alert["labels"]) for alert in found if alert.get("state") == "pending"}


def told(labels):
    """Return whether the app tells this trouble itself, so that no one hears of it twice, by two definitions."""
    return labels.get("alertname") in TOLD and sender(labels.get("app", "")) != ""


def key(labels):
    """Return what tells an alert from others."""
    return json.dumps(labels, sort_keys=True)


def described(alert):
    """Return the title of an alert, what happened, and what to do, each for people."""
    labels = alert["labels"]
    about = [labels[name] for name in ("app", "instance") if labels.get(name)]
    alertname = labels.get("alertname", "Alert")
    hidden = HIDDEN if alertname == ABOUT_JOB else (*HIDDEN, "job")
    more = [value for name, value in sorted(labels.items()) if name not in hidden and value]
    title = f"{alertname}: {' on '.join(about) or 'server'}"
    if more:
        title = f"{title} ({', '.join(more)})"
    notes = alert.get("annotations", {})
    text, remedy = notes.get("summary", title), notes.get("remedy", "")
    return {"title": one_line(title), "text": one_line(text), "remedy": one_line(remedy), "app": sender(labels.get("app", ""))}


def one_line(text):
    """Return a text without control characters. A label may have any, and no program takes a NUL in an argument."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def sender(label):
    """Return the app to which a label belongs if it sends messages, "" for all apps of the server."""
    app = label[: -len(BALANCER)] if label.endswith(BALANCER) else label
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,60}", app):
        return ""
    try:
        return app if os.path.getsize(f"{ETC}/{app}/notify-urls") else ""
    except OSError:
        return ""


def notify(key, kind, alert):
    """Say that an alert has begun (failure) or ended (success). Return whether this has arrived, None if it could not be said."""
    title, text = alert["title"], f"{alert['text']} {alert.get('remedy', '')}".rstrip()
    if kind == "success":
        title, text = f"Ended: {title}", f"No longer: {alert['text']}"
    # One cause for the beginning and the end. The labels of an alert are no name of a file.
    cause = f"alert.{hashlib.sha256(key.encode()).hexdigest()[:24]}"
    command = [NOTIFY, kind, title, "--about", cause, "--repeat"]
    if alert.get("app"):
        command += ["--app", alert["app"]]
    try:
        done = subprocess.run(command, input=f"{text}\n", text=True, timeout=60, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return {0: True, LATER: False}.get(done.returncode)


def read_state():
    """Return what was written last; nothing if that cannot be read."""
    try:
        with open(STATE, encoding="utf-8") as file:
            found = json.load(file)
        return found if isinstance(found, dict) and isinstance(found.get("alerts", {}), dict) else {}
    except (OSError, ValueError):
        return {}


def write_state(state):
    """Replace the file, whole or not at all."""
    os.makedirs(os.path.dirname(STATE), exist_ok=True)
    with open(f"{STATE}.new", "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{STATE}.new", STATE)


if __name__ == "__main__":
    sys.exit(main())
