"""Time a run with nothing to change over a connection with a round trip of 50 ms, which a small proxy adds."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from bench.common import alternate, deployed, show
from lab import Project
from sandbox import Server

DELAY = 0.025
"""Seconds of delay in each direction."""


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy data from `source` to `target`. Each piece arrives DELAY later and does not delay the next ones."""
    queue: list[tuple[float, bytes]] = []
    arrived = threading.Condition()

    def send() -> None:
        while True:
            with arrived:
                arrived.wait_for(lambda: queue)
                due, data = queue.pop(0)
            time.sleep(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)

    threading.Thread(target=send, daemon=True).start()
    data = b"begin"
    while data:
        try:
            data = source.recv(1 << 16)
        except OSError:
            data = b""
        with arrived:
            queue.append((time.monotonic() + DELAY, data))
            arrived.notify()


@contextlib.contextmanager
def delayed_port(address: str, port: int) -> Iterator[int]:
    """Yield a local port that forwards to `address` with a round trip of 2 * DELAY, also for the connect."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                time.sleep(2 * DELAY)
                server = socket.create_connection((address, port))
                for one, other in ((client, server), (server, client)):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)  # It ends the thread that waits in accept().


def far_host(server: Server, project: Project, port: int, name: str = "far") -> str:
    """Return the server as a host of hosts.toml, which is reached by a local port."""
    known = project.folder / f"known_hosts.{name}"
    known.write_text("".join(f"[127.0.0.1]:{port} {key}\n" for key in server.host_keys))
    return f'[hosts.{name}]\naddress = "127.0.0.1"\nport = {port}\nkey = "{server.key}"\nknown_hosts = "{known}"\n'


def near_host(server: Server) -> str:
    """Return the server as a host of hosts.toml under its own name."""
    return f'[hosts.{server.name}]\naddress = "{server.address}"\nkey = "{server.key}"\nknown_hosts = "{server.known_hosts}"\n'


def main() -> None:
    """Print the times over the delayed and over the local connection."""
    with deployed() as ((server,), project), delayed_port(server.address, server.port) as port:
        project.configure(far_host(server, project, port) + near_host(server))
        commands = {
            "fab setup deploy, round trip of 50 ms": lambda: project.must("-H", "far", "setup", "deploy"),
            "fab setup deploy, local": lambda: project.must("-H", server.name, "setup", "deploy"),
        }
        times = alternate(commands)
        show(times)
        best = min(times["fab setup deploy, round trip of 50 ms"])
        print(f"over the delayed connection {best:.2f} s (limit 1.5: {'met' if best <= 1.5 else 'EXCEEDED'})")
