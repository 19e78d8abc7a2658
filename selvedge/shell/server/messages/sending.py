"""Send a message by apprise. The program on the server does, and so does fab on the operator's machine (release/notify.py)."""

import json
import logging
import re
import sys
import time
from urllib.parse import unquote, unquote_plus

_PIECE = re.compile(r"[^\s:/?#@&=,;+]{5,}")
"""A part of an address that may be a secret: services have their tokens in all parts of it."""
_LOGIN = re.compile(r"[^:/@?]+(?=[^?]*@)|(?<=[?&])[^=&]*(?:user|pass|pwd|token|key|secret)[^=&]*=(?P<value>[^&]+)", re.IGNORECASE)
"""A part of an address that is a secret, however short: of the user and password before an @, or a value such as pass=…."""
PAUSES = (0, 5, 20)
"""Seconds before each attempt of a server. A timer that fails because the network is down would otherwise be lost, too."""


def send():
    """Send the message of standard input to its addresses, and print to how many it went. Returns 1 if none has got it."""
    message = json.load(sys.stdin)
    import apprise

    logging.getLogger("apprise").propagate = False
    left = dict(enumerate(message["urls"], 1))
    count = len(left)
    said = {}
    for pause in PAUSES:
        time.sleep(pause if left else 0)
        for number, url in list(left.items()):
            service = apprise.Apprise.instantiate(url)
            if service is None:
                said[number] = "apprise on the server does not know this address"
            else:
                said[number] = attempt(service, message["title"], message["body"], message["kind"], url)
            if said[number] is None:
                del left[number]
    report(message, said, count)
    return 1 if len(left) == count else 0


def report(message, said, count):
    """Print what became of a message, for the journal. said: None or the reason why it did not arrive, by the address's number."""
    from .text import one_line

    arrived = sum(each is None for each in said.values())
    if arrived:
        print(f"sent to {arrived} of {count} address{'' if count == 1 else 'es'}: {message['title']}")
    for number, reason in said.items():
        if reason is not None:
            words = one_line(reason) or "apprise's words have a part of the address, so they are not shown"
            print(f"not sent to the {ordinal(number)} of {count} address{'' if count == 1 else 'es'}: {words}")


def attempt(service: object, title: str, body: str, kind: str, url: str) -> "str | None":
    """Send a message to one address. Return None, or why it failed, in apprise's words; "" if they have a part of the address.

    service: apprise's object for the address. What is too long for it goes in several parts, unless the address sets `overflow`.
    Never raises: whatever a service's module raises, it is only a message.
    """
    said = Said()
    # Some services take less than our messages have. By default, apprise sends all of it, and they refuse it.
    overflow = None if re.search("[?&]overflow=", url, re.IGNORECASE) else "split"
    logger = logging.getLogger("apprise")
    logger.addHandler(said)
    try:
        if service.notify(title=title, body=body, notify_type=kind, body_format="text", overflow=overflow):
            return None
        failed = "; ".join(said.lines)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    finally:
        logger.removeHandler(said)
    return without(failed.strip().rstrip("."), url)


def without(words, url):
    """Return apprise's words without the host of an address; "" if they have another part of the address, or any address."""
    rest = url.partition("://")[2]
    host = re.split("[/?#]", rest)[0].rpartition("@")[2]
    for part in filter(None, (host, host.partition(":")[0])):
        words = words.replace(part, "•••")
    return "" if "://" in words or shows(words, rest) else words


def shows(text, rest):
    """Return whether a text has a part of an address that may be a secret, as it is there or decoded (%40 is @)."""
    parts = {*_PIECE.findall(rest), *(match["value"] or match[0] for match in _LOGIN.finditer(rest))}
    secrets = {form.casefold() for part in parts for form in (part, unquote(part), unquote_plus(part))}
    return any(secret in form.casefold() for form in (text, unquote(text)) for secret in secrets)


class Said(logging.Handler):
    """Keeps the warnings that are logged."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def ordinal(number: int) -> str:
    """Return "first", "second", "third", "4th" …"""
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
