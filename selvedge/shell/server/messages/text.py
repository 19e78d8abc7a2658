"""The text of a message: how much of it is sent, and what is taken out of a program's output."""

import re
import time

from .escapes import visible

TITLE = 200
"""The most bytes of a title."""
BODY = 1700
"""The most bytes of a body. With its title it is shorter than 2,000 bytes: the least that the usual chat services accept."""
TAIL = 300
"""Bytes of it for what to type, the server and the time."""
CUT = "…"
_MENTION = re.compile(
    r"(?<![A-Za-z0-9])@(?=[\w@!&#])|@(?=(?i:everyone|here|(?:all|channel|room)(?![a-z0-9-])))|<(?=[\w@!&#])|\](?=\()"
)
"""A mention, or a link whose text hides its address. Services read _@all_ and 请@all as mentions, too.

An address such as deploy@203.0.113.10 is none, so that a command with it can still be pasted.
"""
_VARIABLE = re.compile(r'^[A-Za-z_][A-Za-z0-9_]*="((?:[^"\\]|\\.)*)"$', re.MULTILINE | re.DOTALL)


def clean(data):
    """Return text, or bytes of any encoding, as text to send: no escape sequences, no control characters but line feeds."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data.encode("utf-8", "replace").decode()
    return visible(text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    "))


def beginning(text: str, size: int) -> str:
    """Return the beginning of a text, in at most this many bytes; "" if there is no room for it."""
    data = text.encode()
    room = size - len(CUT.encode())
    if len(data) <= size:
        return text
    return data[:room].decode("utf-8", "ignore") + CUT if room >= 0 else ""


def end(text, size):
    """Return the end of a text, in at most this many bytes."""
    data = text.encode()
    start = len(data) - size + len(CUT.encode())
    return text if len(data) <= size else CUT + data[start:].decode("utf-8", "ignore")


def quoted(output: str) -> str:
    """Return a program's output so that a chat service reads no mention (`@all`, `<!channel>`) and no hidden link in it.

    Its text is not ours. A second call changes nothing.
    """
    return _MENTION.sub(lambda found: f"{found[0]}\N{ZERO WIDTH SPACE}", output)


def with_output(lines, output, count=15):
    """Return the body of a message: lines of our own, then the last lines of a program's output as far as there is room."""
    head = "\n".join(filter(None, lines))
    last = "\n".join([line.rstrip() for line in clean(output).split("\n") if line.strip()][-count:])
    room = BODY - TAIL - len(head.encode()) - 2
    return f"{head}\n\n{end(quoted(last), room)}" if last and room > 100 else head


def without_values(output, environment):
    """Return output (bytes) without the values of an app's environment file (bytes). Short values are in every text."""
    found = _VARIABLE.findall(environment.decode("utf-8", "surrogateescape"))
    values = [re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL) for value in found]
    lines = {line.encode("utf-8", "surrogateescape") for value in values for line in value.splitlines() if len(line) > 5}
    for line in sorted(lines, key=len, reverse=True):
        output = output.replace(line, "•••".encode())
    return output


def moment(seconds):
    """Return a time in seconds since 1970 as "2026-11-30 07:03 UTC"."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def one_line(data):
    """Return text as one line."""
    return " ".join(clean(data).split())
