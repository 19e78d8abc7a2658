"""Data to and from a script on a server: payloads, output, lines."""

from __future__ import annotations

import codecs
import shutil
from collections import deque
from collections.abc import Callable, Iterable

import paramiko

from selvedge.ssh.payload import Payload, open_payload

LONGEST_LINE = 1 << 20
"""Characters of output without a line break that are passed on as a line, so that memory does not fill up."""
KEPT_PIECES = 4
"""Pieces of output (at most 64 KiB each) that `receive` keeps if it passes lines on: the output may last for days."""


class _Writer:
    """A channel as shutil.copyfileobj writes to it."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def write(self, data: bytes) -> int:
        self._channel.sendall(data)
        return len(data)


def send(channel: paramiko.Channel, payloads: Iterable[Payload]) -> None:
    """Send the payloads, then the end of the input. Raises OSError, also if the script has already ended."""
    for payload in payloads:
        with open_payload(payload) as source:
            shutil.copyfileobj(source, _Writer(channel), 1 << 18)
    channel.shutdown_write()


def read_line(channel: paramiko.Channel) -> str:
    """Return the next line with its line break, "" at the end of the output."""
    line = b""
    while not line.endswith(b"\n") and (piece := channel.recv(1)):
        line += piece
    return line.decode("utf-8", "replace")


def read_answer(channel: paramiko.Channel, mark: str) -> str:
    """Return the rest of the first line that begins with `mark`; the last line that came if none does.

    A login's own files (~/.bashrc) may print lines before it.
    """
    said = ""
    while line := read_line(channel):
        if line.startswith(mark):
            return line.removeprefix(mark).rstrip("\n")
        said = line.strip() or said
    return said


def receive(channel: paramiko.Channel, on_line: Callable[[str], None] | None) -> str:
    """Return the output; only its last pieces if there is `on_line`, which gets each line without its line break."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    pieces: deque[str] = deque(maxlen=None if on_line is None else KEPT_PIECES)
    rest = ""
    while data := channel.recv(1 << 16):
        text = decoder.decode(data)
        pieces.append(text)
        if on_line is not None:
            *lines, rest = (rest + text).split("\n")
            if len(rest) > LONGEST_LINE:
                lines.append(rest)
                rest = ""
            for line in lines:
                on_line(line)
    if on_line is not None and rest:
        on_line(rest)
    return "".join(pieces)
