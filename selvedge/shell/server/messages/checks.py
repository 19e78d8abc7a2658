"""What no unit reports by itself: a certificate that ends soon, a backup that was not taken. A timer runs this twice a day."""

import calendar
import os
import re
import subprocess
import time

from . import settings
from .notify import tell
from .text import moment

DAY = 86400
DAYS_LEFT = 14
"""Days that a certificate has left when it ends soon. Prometheus's rule CertificateExpires has the same two values from here."""
SHARE_LEFT = 0.2
"""The same as a share of its life, for one that is issued for a few weeks or days."""
SITES = "/etc/nginx/sites-enabled"
UNITS = "/etc/systemd/system"
SERVER = "/srv"


def check():
    """Queue messages about what is due, or due no longer."""
    now = time.time()
    for each in settings.senders():
        _certificate(each, now)
        _backup(each, now)
    return 0


def _certificate(sender, now):
    path = served(f"{SITES}/{sender.name}-tls")
    dates = certificate(path) if path else None
    if not dates:
        return
    start, end = dates
    title = f"{sender.app}: the certificate"
    if end - now >= min(DAYS_LEFT * DAY, SHARE_LEFT * (end - start)):
        tell(sender.name, "certificate", "success", f"{title} was renewed", f"It ends on {moment(end)}.")
        return
    days = int((end - now) // DAY)
    left = f"ends in {days} day{'' if days == 1 else 's'}" if now < end else "has ended"
    own = path.startswith(f"{settings.ETC}/")
    body = f"{path}: {moment(end)}."
    if own:
        body += "\nIt is your own ([tls] certificate): put a new one in its place on your machine first."
    tell(sender.name, "certificate", "failure", f"{title} {left}", body, fab="certbot")


def served(site):
    """Return the certificate that an HTTPS site serves, "" without a site."""
    try:
        with open(site, encoding="utf-8", errors="replace") as file:
            found = re.search(r"^\s*ssl_certificate\s+\"?([^\";]+)\"?;", file.read(), re.MULTILINE)
    except FileNotFoundError:
        return ""
    return found[1] if found else ""


def certificate(path):
    """Return when a certificate begins and ends, in seconds since 1970; None if openssl cannot read it."""
    command = ["openssl", "x509", "-in", path, "-noout", "-startdate", "-enddate"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    dates = re.findall(r"^not(?:Before|After)=(\w{3} +\d+ [\d:]+ \d{4}) GMT$", done.stdout, re.MULTILINE)
    if len(dates) != 2:
        return None
    return tuple(calendar.timegm(time.strptime(each, "%b %d %H:%M:%S %Y")) for each in dates)


def _backup(sender, now):
    app = sender.name
    unit = f"selvedge-{app}-backup.timer"
    if not os.path.exists(f"{UNITS}/{unit}"):
        return
    good, (on, last, upcoming) = last_good(app), timer(unit)
    since = good or set_up(app)
    title, body = f"{sender.app}: the backups are overdue", ""
    if not on:
        body = f"The timer {unit} is off."
    elif since and (limit := sender.backup_hours * 3600 or intervals(last, upcoming)) and now - since > limit:
        body = f"The last good one is from {moment(good)}." if good else f"None has succeeded since {moment(since)}."
    if body:
        tell(app, "overdue", "failure", title, body, fab="backup")
    elif good:
        tell(app, "overdue", "success", f"{sender.app}: there is a new backup", f"It is from {moment(good)}.")


def intervals(last, upcoming):
    """Return how old, in seconds, the last good backup of a timer may be without [metrics]; 0 if this is not known."""
    return 2 * (upcoming - last) + DAY / 8 if last and upcoming else 0


def last_good(app):
    """Return when the last good backup was taken, 0 without one."""
    try:
        with open(f"{SERVER}/{app}/backup/state/good", encoding="utf-8", errors="replace") as file:
            found = file.read().split()
    except FileNotFoundError:
        return 0
    return int(found[0]) if found and found[0].isdecimal() else 0


def set_up(app):
    """Return since when the server has the program that takes the backups, 0 without it. The same as in lib/collect.sh."""
    try:
        return int(os.stat(f"{SERVER}/{app}/backup/program").st_mtime)
    except FileNotFoundError:
        return 0


def timer(unit):
    """Return whether a timer is on, when it has run for the last time, and when it runs next. 0: never, or it is running."""
    command = ["systemctl", "show", "-p", "ActiveState", "-p", "LastTriggerUSec", "-p", "NextElapseUSecRealtime", unit]
    done = subprocess.run(command, env={**os.environ, "TZ": "UTC", "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    found = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    times = [_seconds(found.get(name, "")) for name in ("LastTriggerUSec", "NextElapseUSecRealtime")]
    return found.get("ActiveState") == "active", *times


def _seconds(text):
    """Return a time as systemctl prints it: "Mon 2026-11-30 03:30:00 UTC"; 0 for "n/a" and the like."""
    found = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)
    return calendar.timegm(time.strptime(found[0], "%Y-%m-%d %H:%M:%S")) if found else 0
