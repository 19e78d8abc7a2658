"""Data that is sent to a server as standard input, after the script that reads it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

Payload = bytes | Path
"""Bytes, or a file on this machine."""


def open_payload(payload: Payload) -> IO[bytes]:
    """Return a payload as a binary stream."""
    return io.BytesIO(payload) if isinstance(payload, bytes) else payload.open("rb")


def readable(size: int) -> str:
    """Return a number of bytes as text, such as "1.2 MB"."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
