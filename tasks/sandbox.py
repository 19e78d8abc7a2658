"""Throwaway Debian servers on this machine; these tasks contact no server named with -H."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

if TYPE_CHECKING:
    from sandbox import Server

# The package `sandbox` is imported inside the tasks: `fab --list` should not pay for it.


@task(
    iterable=["name"],
    help={
        "name": "what to call it (default: sandbox); may be given more than once",
        "release": "bookworm (Debian 12, the default) or trixie (Debian 13)",
        "count": "how many to have of each name: sandbox, sandbox-2, sandbox-3, …",
        "image": "bare (the default), as a VPS comes, or ready, with packages downloaded beforehand",
    },
)
def up(_: Context, name: list[str], release: str = "", count: int = 1, image: str = "bare") -> None:
    """Have a throwaway Debian server running on this machine."""
    import sandbox

    if count < 1:
        raise Exit(f"--count takes a number from 1 on, and {count} is none.", 2)
    with _plainly():
        names = [each for entry in name or ["sandbox"] for each in entry.split(",")]
        names = [each if number == 1 else f"{each}-{number}" for each in names for number in range(1, count + 1)]
        booting = [sandbox.start(each, release or None, image=image, say=_say) for each in names]
        for server in booting:
            server.wait()
            _say(f"{server.name}: {server.title} at {server.address}, ssh port {server.port}")
        _say(f"Now try: fab -H {','.join(names)} setup deploy, or fab sandbox.ssh {names[0]}")


@task(help={"name": "which (names with commas between), or all", "images": "delete the cached Debian images, too"})
def down(_: Context, name: str, images: bool = False) -> None:
    """Take servers of the sandbox away: a name, or all."""
    import sandbox

    with _plainly():
        existing = [server.name for server in sandbox.servers()]
        names = existing if name == "all" else name.split(",")
        if unknown := [each for each in names if each not in existing]:
            raise Exit(f"There is no sandbox server {unknown[0]}; there are: {', '.join(existing) or 'none'}.", 2)
        for each in names:
            sandbox.down(each)
            _say(f"{each}: gone")
        if images:
            sandbox.remove_images()
        if not names:
            _say("No server of the sandbox is left.")


@task(name="list")
def list_(_: Context) -> None:
    """List the servers of the sandbox."""
    import sandbox

    with _plainly():
        found = sandbox.servers()
        for server in found:
            _say(f"{server.name:<16} {server.title:<22} {'on' if server.running else 'off':<4} {server.address:<15} "
                 f"ssh port {server.port:<6} {server.url}")  # fmt: skip
        if not found:
            _say("There is no sandbox server; `fab sandbox.up` makes one.")


@task(help={"name": "which server", "user": "log in as; default: deploy where harden has made it, else root"})
def ssh(_: Context, name: str, user: str = "") -> None:
    """Log in to a server of the sandbox."""
    import os

    with _plainly():
        server = _find(name)
        made = server.run("id -u deploy", check=False).returncode == 0
        command = server.ssh_argv(user or ("deploy" if made else "root"))
        os.execvp(command[0], command)


def _find(name: str) -> Server:
    import sandbox

    servers = {server.name: server for server in sandbox.servers()}
    if name not in servers:
        raise Exit(f"There is no sandbox server {name}; there are: {', '.join(servers) or 'none'}.", 2)
    return servers[name]


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Turn what went wrong into a sentence and a status, without a traceback."""
    from sandbox import SandboxError, WrongUsageError

    try:
        yield
    except SandboxError as error:
        raise Exit(f"sandbox: {error}", 2 if isinstance(error, WrongUsageError) else 1) from None


def _say(line: str) -> None:
    print(line, flush=True)
