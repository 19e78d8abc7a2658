"""This machine's kernel settings for servers: raised for the first server, restored after the last one.

What other programs of the machine use by then stays: a network that came after the sandbox may need forwarding.
"""

from __future__ import annotations

from pathlib import Path

from .shell import SandboxError, attempt

FORWARD = "net/ipv4/ip_forward"
INOTIFY = "fs/inotify/max_user_instances"
# Setting → minimum. The systemd of each server uses about ten inotify instances. The kernel's default of 128 per user
# (inotify(7), max_user_instances) is enough for 15 servers; the next one fails to boot.
LEAST = {FORWARD: 1, INOTIFY: 1024}
SETTINGS = Path("/proc/sys")
INTERFACES = Path("/sys/class/net")
# Folder of the original values. A reboot empties /run, and it also resets the settings.
MEMORY = Path("/run")
OWN = "slv-"
"""The beginning of the names of all sandboxes' bridges."""


def ensure() -> None:
    """Raise settings below their minimum. The caller holds the lock."""
    for name, least in LEAST.items():
        setting = SETTINGS / name
        if (found := int(setting.read_text())) < least:
            # At this moment no network needs forwarding; those that come later may.
            _original(setting).write_text("\n".join([str(found), *(sorted(networks()) if name == FORWARD else ())]))
            setting.write_text(str(least))


def restore() -> list[str]:
    """Restore the settings that `ensure` raised, and return a sentence for each that others use by now.

    The caller holds the lock and makes sure that no server is left.
    """
    kept = []
    for name, least in LEAST.items():
        setting = SETTINGS / name
        if not (original := _original(setting)).is_file():
            continue
        value, *before = original.read_text().splitlines()
        if reason := _in_use(name, least, int(value), before):
            dotted = name.replace("/", ".")
            command = f"sudo sysctl {dotted}={value}"
            kept.append(f"The kernel setting {dotted} was not set back to {value}, because {reason}. To do so: `{command}`.")
        else:
            setting.write_text(value)
        original.unlink()
    return kept


def networks() -> set[str]:
    """Return this machine's network interfaces, and its rules for addresses and forwarding, without those of sandboxes."""
    found = {
        path.name
        for path in INTERFACES.iterdir()
        if path.name != "lo" and not path.name.startswith(OWN) and not (path / "master").resolve().name.startswith(OWN)
    }
    for table in ("nat", "filter"):
        found |= {line for line in _output(["iptables-save", "-t", table]) if line.startswith("-A") and _forwards(line, table)}
    rules = {line.strip() for line in _output(["nft", "list", "ruleset"]) if OWN not in line}
    return found | {line for line in rules if any(word in line for word in ("masquerade", "snat", "dnat", "hook forward"))}


def _forwards(rule: str, table: str) -> bool:
    return OWN not in rule and (table == "nat" or rule.startswith("-A FORWARD "))


def _output(argv: list[str]) -> list[str]:
    try:
        return attempt(argv).stdout.splitlines()
    except SandboxError:
        return []  # a machine without this program has no rules of its kind


def _in_use(name: str, least: int, original: int, before: list[str]) -> str:
    """Return why others may need the raised setting, "" if nothing speaks for it. before: `networks` when it was raised."""
    if int((SETTINGS / name).read_text()) != least:
        return "another program has changed it"
    if name == FORWARD and (new := sorted(networks() - set(before))):
        return f"this machine has a network that is newer than the sandbox: {new[0]}"
    if name == INOTIFY and (used := _inotify_instances()) > original:
        return f"programs use {used} inotify instances"
    return ""


def _inotify_instances() -> int:
    """Return the number of inotify instances of the user who has the most."""
    counts: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            instances = sum(str(link.readlink()) == "anon_inode:inotify" for link in (process / "fd").iterdir())
            counts[process.stat().st_uid] = counts.get(process.stat().st_uid, 0) + instances
        except OSError:
            continue  # it has ended
    return max(counts.values(), default=0)


def _original(setting: Path) -> Path:
    return MEMORY / f"selvedge-sandbox.{setting.name}"
