"""The files that differ between servers: authorized keys, host keys, machine id, and settings from this machine."""

from __future__ import annotations

import uuid
from pathlib import Path

from . import machine, state
from .shell import run


def seed(root: Path, extra: dict[str, str], *, keys: bool = True) -> tuple[str, ...]:
    """Write a server's own files and `extra` (path → text) below `root`; return its public host keys.

    With `keys`, generate host keys. This happens before the first boot, so that known_hosts has them before anyone
    connects. Raises SandboxError.
    """
    texts = {
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        "root/.ssh/authorized_keys": state.ensure_key(),
        **machine.files(),
        **extra,
    }
    for folder in ("root", "root/.ssh"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder).chmod(0o700)
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "root/.ssh/authorized_keys").chmod(0o600)
    (root / "etc/ssh").mkdir(exist_ok=True)
    if keys:
        run(["ssh-keygen", "-A", "-f", str(root)])
    return tuple(" ".join(key.read_text().split()[:2]) for key in sorted((root / "etc/ssh").glob("ssh_host_*_key.pub")))
