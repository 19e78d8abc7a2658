"""The known_hosts files of this machine: which ones count, the keys in them, and new lines for them.

The format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import paramiko

from selvedge.config.hosts import Host
from selvedge.errors import SelvedgeError
from selvedge.shell.quoting import quote

USER_FILE = Path("~/.ssh/known_hosts")
SYSTEM_FILE = Path("/etc/ssh/ssh_known_hosts")


def entry_name(server: str, port: int) -> str:
    """Return the name of an SSH server in a known_hosts file: `server`, or `[server]:port` if the port is not 22."""
    return server if port == 22 else f"[{server}]:{port}"


def format_lines(entry: str, keys: Iterable[paramiko.PKey]) -> str:
    """Return the lines of a known_hosts file for these keys."""
    return "".join(f"{entry} {key.get_name()} {key.get_base64()}\n" for key in keys)


def machine_files() -> list[Path]:
    """Return the known_hosts files of this machine and of its user that exist."""
    return [path for path in (SYSTEM_FILE, USER_FILE.expanduser()) if path.is_file()]


def files_for(host: Host) -> list[Path]:
    """Return the known_hosts files that exist and count for the host, each once."""
    paths = (*machine_files(), Path(host.known_hosts).expanduser())
    return [path for path in dict.fromkeys(paths) if path.is_file()]


def lookup_keys(files: Iterable[Path], entry: str) -> dict[str, paramiko.PKey]:
    """Return the entry's keys in these files, by the name of their algorithm.

    Raises SelvedgeError if a file is not readable.
    """
    keys = paramiko.HostKeys()
    for path in files:
        try:
            keys.load(str(path))
        except (OSError, UnicodeDecodeError) as error:
            remedy = f"Correct the file, or move it away: `mv {path} {path}.old`."
            raise SelvedgeError(f"{path} is not readable: {error}.", remedy) from error
    return dict(keys.lookup(entry) or {})


def forget_commands(host: Host, entry: str) -> str:
    """Return the commands that remove an entry from the files that have it, one a line."""
    holding = [path for path in files_for(host) if paramiko.HostKeys(str(path)).lookup(entry)]
    other = {path: f" -f {quote(str(path))}" for path in holding if path != USER_FILE.expanduser()}
    return "\n".join(f"    ssh-keygen -R {quote(entry)}{other.get(path, '')}" for path in holding)


def file_to_write(host: Host) -> Path:
    """Return the file in which `store_keys` stores the host's keys."""
    return Path(host.known_hosts or USER_FILE).expanduser()


def store_keys(host: Host, entry: str, keys: Sequence[paramiko.PKey]) -> None:
    """Append the keys to the host's file; create it (0600) if it is missing.

    Raises SelvedgeError if the file is not writable.
    """
    path = file_to_write(host)
    lines = format_lines(entry, keys)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                lines = lines if file.read(1) == b"\n" else f"\n{lines}"
            file.write(lines.encode())
    except OSError as error:
        raise SelvedgeError(
            f"{host.name}: could not write {path}: {error.strerror}.", f"Check its permissions: `ls -ld {path.parent} {path}`."
        ) from error
