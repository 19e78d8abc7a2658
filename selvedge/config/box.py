"""`[box]`: single restrictions of the systemd unit that the app needs to be without."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from selvedge.config.section import Section
from selvedge.config.types import Switch, Text

# The app must not be able to change itself, its start, or what root runs.
_CLOSED = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "root", "run", "sbin", "sys", "usr")


def _write_path(value: str) -> str:
    parts = value.removeprefix("/").rstrip("/").split("/")
    if not value.startswith("/") or not all(part.strip(".") and _plain(part) for part in parts):
        raise ValueError("must be an absolute path with only letters, digits and any of . _ - + @ /, without '..'")
    if parts[0] in _CLOSED or (parts[0] == "srv" and len(parts) < 3) or parts == ["var"]:
        raise ValueError("must not be a folder of the system, such as /etc or /usr, or all of /srv or /var")
    return "/" + "/".join(parts)


def _plain(part: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in "._-+@") for char in part)


WritePath = Annotated[Text, AfterValidator(_write_path)]


class Box(Section):
    """Restrictions to lift for an app that needs more than a web app usually does. They need `app.manager = "systemd"`.

    Under Docker, only `write` and `execute` have an effect. Under supervisor there are no such restrictions. Each setting lifts one
    restriction and keeps the others.
    """

    proc: Switch = Field(
        False,
        description="Show the app the system's figures and other processes in `/proc`. psutil needs it.",
        examples=[True],
    )
    netlink: Switch = Field(
        False,
        description="Allow netlink sockets, which list network interfaces: `psutil.net_if_addrs()`, ifaddr, zeroconf.",
        examples=[True],
    )
    execute: Switch = Field(
        False,
        description="Allow the app to execute files in `shared/` and in `/tmp`, for example programs that it has downloaded.",
        examples=[True],
    )
    devices: Switch = Field(
        False,
        description="Show the app the server's devices, such as a GPU or a serial port. File modes still apply.",
        examples=[True],
    )
    home: Switch = Field(
        False,
        description="Show the app `/home` and `/root`, read-only. File modes still apply.",
        examples=[True],
    )
    namespaces: Switch = Field(
        False,
        description="Allow namespaces, with which browsers such as Chromium isolate their own processes.",
        examples=[True],
    )
    resources: Switch = Field(
        False,
        description="Allow the app to change priorities, limits and processor affinity: `os.nice()`, "
        "`resource.setrlimit()`, `os.sched_setaffinity()`.",
        examples=[True],
    )
    write: list[WritePath] = Field(
        default_factory=list,
        description="More folders that the app may write to, if its user owns them. They must exist.",
        examples=[["/mnt/media"]],
    )
