"""Run a command on a sandbox server as root, without ssh: `on_server.py SERVER COMMAND`. It prints the standard output."""

from __future__ import annotations

import sys

import sandbox


def main(name: str, command: str) -> int:
    """Return the exit status of the command. Raises StopIteration if there is no such server."""
    server = next(server for server in sandbox.servers() if server.name == name)
    done = server.run(command, check=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
