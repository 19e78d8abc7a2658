"""Manage throwaway Debian servers on this machine.

These tasks contact no server that -H names.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from sandbox import Server


def _package() -> ModuleType:
    """Return the package `sandbox`, which is beside the package `tasks`. `fab --list` should not load it."""
    return importlib.import_module(__name__.removesuffix("tasks.sandbox") + "sandbox")


@task(
    iterable=["name"],
    help={
        "name": "Server name, repeatable (default: sandbox).",
        "release": "bookworm (Debian 12) or trixie (Debian 13).",
        "count": "How many: sandbox, sandbox-2, sandbox-3…",
        "image": "bare, or ready: with downloaded packages.",
    },
)
def up(_: Context, name: list[str], release: str = "", count: int = 1, image: str = "bare") -> None:
    """Start a throwaway Debian server on this machine."""
    sandbox = _package()

    if count < 1:
        raise Exit(f"--count must be at least 1, not {count}.", 2)
    with _plainly():
        names = [each for entry in name or ["sandbox"] for each in entry.split(",")]
        names = [each if number == 1 else f"{each}-{number}" for each in names for number in range(1, count + 1)]
        booting = [sandbox.start(each, release or None, image=image, say=_say) for each in names]
        for server in booting:
            server.wait()
            _say(f"{server.name}: {server.title} is running at {server.address}, SSH port {server.port}.")
        _say(f"Try next: `fab -H {','.join(names)} setup deploy`, or `fab sandbox.ssh {names[0]}`.")


@task(help={"name": "Names of servers, separated by commas, or `all`.", "images": "Also delete the cached Debian images."})
def down(_: Context, name: str, images: bool = False) -> None:
    """Delete one sandbox server, or all of them."""
    sandbox = _package()

    with _plainly():
        existing = [server.name for server in sandbox.servers()]
        names = existing if name == "all" else name.split(",")
        if unknown := [each for each in names if each not in existing]:
            raise Exit(_no_server(unknown[0], existing), 2)
        for each in names:
            sandbox.down(each, _say)
            _say(f"{each}: deleted.")
        if images:
            sandbox.remove_images()
        if not names:
            _say("There is no sandbox server.")


@task(name="list")
def list_(_: Context) -> None:
    """List the sandbox servers."""
    sandbox = _package()

    with _plainly():
        found = sandbox.servers()
        for server in found:
            _say(f"{server.name:<16} {server.title:<22} {'on' if server.running else 'off':<4} {server.address:<15} "
                 f"SSH port {server.port:<6} {server.url}")  # fmt: skip
        if not found:
            _say("There is no sandbox server. Create one with `fab sandbox.up`.")


@task(help={"name": "Name of the server.", "user": "Log in as this user (default: deploy, or root)."})
def ssh(_: Context, name: str, user: str = "") -> None:
    """Log in to a sandbox server."""
    import os

    with _plainly():
        server = _find(name)
        made = server.run("id -u deploy", check=False).returncode == 0
        command = server.ssh_argv(user or ("deploy" if made else "root"))
        os.execvp(command[0], command)


def _find(name: str) -> Server:
    sandbox = _package()

    servers = {server.name: server for server in sandbox.servers()}
    if name not in servers:
        raise Exit(_no_server(name, servers), 2)
    return servers[name]


def _no_server(name: str, existing: Iterable[str]) -> str:
    return f"There is no sandbox server {name}. Existing servers: {', '.join(existing) or 'none'}."


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """End with a message and an exit status, without a traceback, if the sandbox fails."""
    sandbox = _package()

    try:
        yield
    except sandbox.SandboxError as error:
        raise Exit(f"sandbox: {error}", 2 if isinstance(error, sandbox.WrongUsageError) else 1) from None


def _say(line: str) -> None:
    print(line, flush=True)
