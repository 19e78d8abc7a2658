"""Throwaway Debian servers on this machine, for the demo and the tests.

    server = sandbox.up("web", "trixie", image="ready", say=print)
    server.run("systemctl is-system-running")
    sandbox.down("web")

A server is the real thing seen from outside: systemd, sshd, an address of its own and root with a key, like a VPS on
its first day. What exists is listed in hosts.toml of the state directory (see `sandbox.state`), which Selvedge reads
beside the project's own.
"""

from __future__ import annotations

import os
import re

from sandbox import network, state
from sandbox.server import DRIVERS, Driver, Server
from sandbox.shell import SandboxError, Say, WrongUsageError, silent

__all__ = ["SandboxError", "Server", "WrongUsageError", "copy", "down", "down_all", "remove_images", "servers", "start", "up"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def up(name: str = "sandbox", release: str | None = None, *, image: str = "bare", say: Say = silent) -> Server:
    """Have a server of that name running, and return it once ssh answers.

    A server that runs is left as it is; one that is off boots with the disk it has. `release` is "bookworm" (the
    default) or "trixie"; `image` is "bare", as a VPS comes, or "ready", with packages downloaded beforehand, and
    matters only for a new server. `say` takes sentences of progress. Raises SandboxError.
    """
    server = start(name, release, image=image, say=say)
    server.wait()
    say(f"The server {name} ({server.title}) runs at {server.address}, ssh port {server.port}.")
    return server


def start(name: str, release: str | None = None, *, image: str = "bare", say: Say = silent) -> Server:
    """The same as `up`, but returns while the server boots: `wait` on it waits for ssh. Raises SandboxError."""
    if not NAME.fullmatch(name):
        raise WrongUsageError(f"{name!r} cannot name a server: use a-z, 0-9 and -, beginning with a letter, at most 31.")
    driver, asked = None, release or "bookworm"
    if state.find(name) is None:
        driver = choose()
        driver.prepare(asked, image, say)
    with state.locked(state.home() / "lock"):
        record = state.find(name)
        if record is None:
            record = (driver or choose()).create(name, asked, image, state.home() / "servers" / name)
            state.save(record)
        server = Server(**vars(record))
        if release not in (None, record.release):
            raise SandboxError(f"There is a server {name} already, of {record.release}: take it away with "
                               f"`fab sandbox.down {name}`, or choose another name.")  # fmt: skip
        if not server.driver_module.running(record):
            say(f"Booting the server {name}.")
            server.driver_module.start(record)
    return server


def copy(original: Server, name: str) -> Server:
    """A new server with a copy of the disk of one that is off, up and answering ssh; its address is its own.

    Raises SandboxError where the name is taken or none, where the other one runs, and with Docker.
    """
    if not NAME.fullmatch(name) or state.find(name):
        raise SandboxError(f"{name!r} cannot name a new server: it is taken, or no a-z, 0-9 and -.")
    with state.locked(state.home() / "lock"):
        if original.driver_module.running(original):
            raise SandboxError(f"The server {original.name} is on; a disk that is written cannot be copied.")
        record = original.driver_module.copy(original, name, state.home() / "servers" / name)
        state.save(record)
        server = Server(**vars(record))
        server.driver_module.start(record)
    server.wait()
    return server


def servers() -> list[Server]:
    """All servers that exist, running or not, by name."""
    return [Server(**vars(record)) for record in state.records()]


def down(name: str = "sandbox") -> bool:
    """Take the server away with its disk; with the last one goes everything else but the images.

    Returns whether there was one. Raises SandboxError when something of it cannot be removed.
    """
    if not state.home().is_dir():
        return False
    with state.locked(state.home() / "lock"):
        record = state.find(name)
        if record is not None:
            Server(**vars(record)).driver_module.remove(record)
            state.forget(record)
        if not state.records():
            network.remove()
            state.clear()
    return record is not None


def down_all() -> list[str]:
    """Take every server away, and return the names. Raises SandboxError."""
    return [record.name for record in state.records() if down(record.name)]


def remove_images() -> None:
    """Delete the cached images. Raises SandboxError while there are servers, which stand on them."""
    if names := [record.name for record in state.records()]:
        raise SandboxError(f"The images are in use by {', '.join(names)}: `fab sandbox.down all --images`.")
    for driver in DRIVERS:
        driver.remove_images()


def choose() -> Driver:
    """The driver that works on this machine. Raises SandboxError with what is missing where none does."""
    wanted = os.environ.get("SELVEDGE_SANDBOX_DRIVER", "")
    reasons = []
    for driver in DRIVERS:
        if wanted in ("", driver.NAME):
            if not (reason := driver.missing()):
                return driver
            reasons.append(f"with {driver.NAME}: {reason}")
    raise SandboxError(f"No server can be made on this machine; {'; '.join(reasons)}.")
