"""This machine's kernel settings for servers: raised for the first server, restored after the last one."""

from __future__ import annotations

from pathlib import Path

# Setting → minimum. The systemd of each server uses about ten inotify instances. The kernel's default of 128 per user
# (inotify(7), max_user_instances) is enough for 15 servers; the next one fails to boot.
LEAST = {"net/ipv4/ip_forward": 1, "fs/inotify/max_user_instances": 1024}
SETTINGS = Path("/proc/sys")
# Folder of the original values. A reboot empties /run, and it also resets the settings.
MEMORY = Path("/run")


def ensure() -> None:
    """Raise settings below their minimum. The caller holds the lock."""
    for name, least in LEAST.items():
        setting = SETTINGS / name
        if (found := int(setting.read_text())) < least:
            _original(setting).write_text(str(found))
            setting.write_text(str(least))


def restore() -> None:
    """Restore the settings that `ensure` raised. The caller holds the lock and makes sure that no server is left."""
    for name in LEAST:
        setting = SETTINGS / name
        if (original := _original(setting)).is_file():
            setting.write_text(original.read_text())
            original.unlink()


def _original(setting: Path) -> Path:
    return MEMORY / f"selvedge-sandbox.{setting.name}"
