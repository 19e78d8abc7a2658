"""Public keys that tests install, and a way to make a private one."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from selvedge.ssh.public_keys import parse_public_key

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7Zc0Dq0yTt3Hw1oVZ8Yl0JbI7s6Cq0yq8m5d5dXoKk you@desk"
ME = parse_public_key(KEY)


def rsa_key(bits: int) -> str:
    """Return a public RSA key of this size: its numbers are valid as text, not as a key (RFC 4253, section 6.6)."""
    parts = (b"ssh-rsa", b"\1\0\1", b"\0" + (1 << bits - 1).to_bytes(bits // 8, "big"))
    blob = b"".join(len(each).to_bytes(4, "big") + each for each in parts)
    return f"ssh-rsa {base64.b64encode(blob).decode()} root@server"


def pair(folder: Path, *options: str) -> Path:
    """Make a private key with ssh-keygen, and return its path."""
    path = folder / "id"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-C", "made here", "-f", str(path), *options]
    subprocess.run(command, check=True, capture_output=True)
    return path
