"""Settings of this machine's kernel that servers need: raised with the first server, put back with the last one."""

from __future__ import annotations

from pathlib import Path

# Setting → the least that will do. A server's systemd watches some ten files at a time, and the kernel's usual limit of
# 128 watchers a user (inotify(7), max_user_instances) ends with 15 servers: the next one goes off while it boots.
LEAST = {"net/ipv4/ip_forward": 1, "fs/inotify/max_user_instances": 1024}
SETTINGS = Path("/proc/sys")
# In /run, so that it is gone after a restart of this machine, as are the settings that it remembers.
MEMORY = Path("/run")


def ensure() -> None:
    """Raise what is too low. The caller holds the lock."""
    for name, least in LEAST.items():
        setting = SETTINGS / name
        if (found := int(setting.read_text())) < least:
            _before(setting).write_text(str(found))
            setting.write_text(str(least))


def restore() -> None:
    """Put back what `ensure` raised. The caller holds the lock, and knows that nobody's server is left."""
    for name in LEAST:
        setting = SETTINGS / name
        if (before := _before(setting)).is_file():
            setting.write_text(before.read_text())
            before.unlink()


def _before(setting: Path) -> Path:
    return MEMORY / f"selvedge-sandbox.{setting.name}"
