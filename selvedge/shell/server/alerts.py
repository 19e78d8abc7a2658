"""Pass the alerts of Prometheus on: new ones and ended ones, each once. A timer runs this program every minute ([metrics]).

The file with the alerts that are known changes only when their messages were delivered: what could not be said is said later. An
alert that ends before that has nothing to say.
"""

import json
import os
import subprocess
import sys
import urllib.request

URL = os.environ.get("SELVEDGE_ALERTS_URL", "http://127.0.0.1:9090/api/v1/alerts")
STATE = os.environ.get("SELVEDGE_ALERTS_STATE", "/var/lib/selvedge/alerts/state.json")
NOTIFY = os.environ.get("SELVEDGE_ALERTS_NOTIFY", "/usr/local/lib/selvedge/notify")
HIDDEN = ("alertname", "severity", "job")
DOWN = "Prometheus"


def main():
    """Compare the alerts of now with those that were said, and say what is new. Return the exit status."""
    known = read_state()
    now = asked()
    if now is None:
        # One failure is a restart of Prometheus, or a boot.
        failures = known.get("failures", 0) + 1
        if failures < 5:
            write_state({**known, "failures": failures})
            return 0
        text = "Prometheus on this server does not answer, so there are no alerts. `sudo journalctl -u prometheus -n 50` shows why."
        now = {**known.get("alerts", {}), DOWN: {"title": "Prometheus does not answer", "text": text}}
    else:
        failures = 0
    said = dict(known.get("alerts", {}))
    status = 0
    for key, alert in now.items():
        if key not in said:
            if not notify("failure", alert["title"], alert["text"]):
                status = 1
                continue
            said[key] = alert
    for key, alert in list(said.items()):
        if key not in now:
            if not notify("success", f"Ended: {alert['title']}", f"No longer: {alert['text']}"):
                status = 1
                continue
            del said[key]
    write_state({"alerts": said, "failures": failures})
    return status if os.path.exists(NOTIFY) else 0


def asked():
    """Return the firing alerts by their labels; None if Prometheus does not answer."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(URL, timeout=20) as answer:
            found = json.load(answer)["data"]["alerts"]
    except (OSError, ValueError, KeyError):
        return None
    return {key(alert["labels"]): described(alert) for alert in found if alert.get("state") == "firing"}


def key(labels):
    """Return what tells an alert from others."""
    return json.dumps(labels, sort_keys=True)


def described(alert):
    """Return the title and the text of an alert, each for people."""
    labels = alert["labels"]
    about = [labels[name] for name in ("app", "instance") if labels.get(name)]
    more = [value for name, value in sorted(labels.items()) if name not in (*HIDDEN, "app", "instance", "__name__") and value]
    title = f"{labels.get('alertname', 'Alert')}: {' on '.join(about) or 'server'}"
    if more:
        title = f"{title} ({', '.join(more)})"
    return {"title": title, "text": " ".join(alert.get("annotations", {}).get("summary", title).split())}


def notify(kind, title, text):
    """Return whether the message was delivered."""
    try:
        done = subprocess.run([NOTIFY, kind, title], input=f"{text}\n", text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


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
