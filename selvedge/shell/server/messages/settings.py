"""The apps of this server that send messages, and the folders of the program."""

import collections
import json
import os
import syslog

ETC = "/etc/selvedge"
"""The folder of each app has notify.json and notify-urls."""
QUEUE = "/run/selvedge/messages"
"""A file for each message that is about to be sent. Only root can read it, because it has the addresses."""
STATE = "/var/lib/selvedge/messages"
"""A folder for each app: what its users were told of each cause, and when."""
# name: that of the folder. app: the app. host: the server's name in hosts.toml. backup_hours: how old the last good backup may be
# by [metrics], whose rule BackupOld has the same limit; 0 without metrics.
Sender = collections.namedtuple("Sender", "name app host only_failures urls backup_hours")


def senders(name=""):
    """Return the apps that send messages, or only the one of this name."""
    found = []
    for each in [name] if name else sorted(os.listdir(ETC)) if os.path.isdir(ETC) else []:
        try:
            with open(f"{ETC}/{each}/notify-urls", encoding="utf-8") as file:
                urls = file.read().split()
            with open(f"{ETC}/{each}/notify.json", encoding="utf-8") as file:
                about = json.load(file)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if urls:
            found.append(Sender(each, about["app"], about["host"], about["only_failures"], urls, about.get("backup_hours", 0)))
    return found


def note(text):
    """Write a line to the journal, where `journalctl -t selvedge-notify` shows it."""
    syslog.openlog("selvedge-notify")
    syslog.syslog(syslog.LOG_WARNING, text)
