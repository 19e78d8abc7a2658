"""What makes a server's disk its own: who may log in, its host keys, its identity, this machine's settings."""

from __future__ import annotations

import uuid
from pathlib import Path

from sandbox import machine, state
from sandbox.shell import run


def seed(root: Path, extra: dict[str, str], *, keys: bool = True) -> tuple[str, ...]:
    """Write these files, and `extra` (path → text), below `root`; make host keys, and return their public halves.

    The host keys are made here and not at the first boot, so that they are known before anybody connects.
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
