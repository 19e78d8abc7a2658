"""Throwaway Debian servers on this machine, for the demo and the tests.

    server = sandbox.up("web", "trixie", image="ready", say=print)
    server.run("systemctl is-system-running")
    sandbox.down("web")

A server looks like a new VPS: it runs systemd and sshd, has its own address, and root logs in with a key. The file
hosts.toml of the state directory (see `sandbox.state`) lists the servers; Selvedge reads it in addition to the
project's own hosts.toml.
"""

from __future__ import annotations

import os
import re

from . import network, state
from .server import DRIVERS, Driver, Server
from .shell import SandboxError, Say, WrongUsageError, silent

__all__ = ["SandboxError", "Server", "WrongUsageError", "copy", "down", "down_all", "remove_images", "servers", "start", "up"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def up(name: str = "sandbox", release: str | None = None, *, image: str = "bare", say: Say = silent) -> Server:
    """Create or boot the server `name`, and return it once ssh answers.

    A running server is not touched; one that is off boots with its existing disk. `release` is "bookworm" (the
    default) or "trixie". `image` is "bare", like a new VPS, or "ready", with packages already downloaded; it only
    matters for a new server. `say` receives progress messages. Raises SandboxError.
    """
    server = start(name, release, image=image, say=say)
    server.wait()
    say(f"The server {name} ({server.title}) is running at {server.address}, SSH port {server.port}.")
    return server


def start(name: str, release: str | None = None, *, image: str = "bare", say: Say = silent) -> Server:
    """Do the same as `up`, but return while the server boots: its `wait` waits for ssh. Raises SandboxError."""
    if not NAME.fullmatch(name):
        raise WrongUsageError(f"{name!r} is not a valid server name. Use at most 31 of a-z, 0-9 and -, beginning with a letter.")
    driver, wanted = None, release or "bookworm"
    if state.find(name) is None:
        driver = choose()
        driver.prepare(wanted, image, say)
    with state.locked(state.home() / "lock"):
        record = state.find(name)
        if record is None:
            record = (driver or choose()).create(name, wanted, image, state.home() / "servers" / name)
            state.save(record)
        server = Server(**vars(record))
        if release not in (None, record.release):
            raise SandboxError(f"The server {name} already exists, with {record.release}. Delete it with "
                               f"`fab sandbox.down {name}`, or choose another name.")  # fmt: skip
        if not server.driver_module.running(record):
            say(f"Booting the server {name}.")
            server.driver_module.start(record)
    return server


def copy(original: Server, name: str) -> Server:
    """Create a server with a copy of the disk of `original`, which is off; return it once ssh answers.

    It gets a new address. Raises SandboxError if the name is taken or invalid, if `original` runs, and with Docker.
    """
    if not NAME.fullmatch(name) or state.find(name):
        raise SandboxError(f"{name!r} is not a valid name for a new server: use a-z, 0-9 and -, and no name that is taken.")
    with state.locked(state.home() / "lock"):
        if original.driver_module.running(original):
            raise SandboxError(f"Cannot copy the server {original.name} while it is running. Shut it down first.")
        record = original.driver_module.copy(original, name, state.home() / "servers" / name)
        state.save(record)
        server = Server(**vars(record))
        server.driver_module.start(record)
    server.wait()
    return server


def servers() -> list[Server]:
    """Return all servers, running or not, sorted by name."""
    return [Server(**vars(record)) for record in state.records()]


def down(name: str = "sandbox", say: Say = silent) -> bool:
    """Remove the server and its disk. With the last server, also remove the network and the state directory.

    The images stay, and so does each thing that other programs of this machine use by now; `say` gets a sentence for it.
    Returns whether the server existed. Raises SandboxError if a part of it cannot be removed.
    """
    if not state.home().is_dir():
        return False
    with state.locked(state.home() / "lock"):
        record = state.find(name)
        if record is not None:
            Server(**vars(record)).driver_module.remove(record)
            state.forget(record)
        if not state.records():
            for sentence in network.remove():
                say(sentence)
            state.clear(network_remains=network.exists())
    return record is not None


def down_all(say: Say = silent) -> list[str]:
    """Remove all servers, and return their names. say: as for `down`. Raises SandboxError."""
    return [record.name for record in state.records() if down(record.name, say)]


def remove_images() -> None:
    """Delete the cached images. Raises SandboxError while servers exist, because their disks need the images."""
    if names := [record.name for record in state.records()]:
        raise SandboxError(
            f"The images are in use by {', '.join(names)}. To delete these servers as well as the images, run "
            "`fab sandbox.down all --images`."
        )
    for driver in DRIVERS:
        driver.remove_images()


def choose() -> Driver:
    """Return the first driver that works on this machine. Raises SandboxError, with the reasons, if none does."""
    chosen = os.environ.get("SELVEDGE_SANDBOX_DRIVER", "")
    reasons = []
    for driver in DRIVERS:
        if chosen in ("", driver.NAME):
            if not (reason := driver.missing()):
                return driver
            reasons.append(f"With {driver.NAME}: {reason}.")
    raise SandboxError(f"This machine cannot run sandbox servers. {' '.join(reasons)}")
