"""What this machine remembers of its sandbox servers: a directory, a lock, a record for each server.

Everything is under `${XDG_STATE_HOME:-~/.local/state}/selvedge/sandbox`, or where SELVEDGE_SANDBOX_DIR says:

    lock                    held for each short change of the rest
    id_ed25519, .pub        the key that logs in to every server
    hosts.toml              the servers, in the form of a project's own hosts.toml
    known_hosts             their host keys, in OpenSSH's form
    network.json            the bridge and its subnet
    servers/NAME/           server.json, and what the driver keeps for it
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.shell import SandboxError, run

OURS = ("hosts.toml", "known_hosts", "network.json", "id_ed25519", "id_ed25519.pub", "lock")


@dataclass(frozen=True)
class Record:
    """One server as it is remembered.

    `address` is an IPv4 address that this machine reaches; `port`, `http_port` and `https_port` are where its ports
    22, 80 and 443 answer there. `host_keys` are the public host keys ("ssh-ed25519 AAAA…").
    """

    name: str
    release: str
    image: str
    driver: str
    address: str
    port: int
    http_port: int
    https_port: int
    directory: Path
    host_keys: tuple[str, ...] = ()

    @property
    def key(self) -> Path:
        """The private key (ed25519, mode 0600) that logs in to the server."""
        return self.directory.parent.parent / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The file with the server's host keys."""
        return self.directory.parent.parent / "known_hosts"

    @property
    def root_dir(self) -> Path:
        """The server's `/` as seen from this machine; with Docker there is no such directory."""
        return self.directory / "root"


def home() -> Path:
    """The directory that holds all of this; it need not exist."""
    if chosen := os.environ.get("SELVEDGE_SANDBOX_DIR"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "selvedge/sandbox"


def tag() -> str:
    """Eight hex digits that tell this directory's bridge and machines from another's on the same computer."""
    return hashlib.sha256(str(home()).encode()).hexdigest()[:8]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever holds it. It is let go when its holder dies, too."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (FileNotFoundError, FileExistsError):
            if path.parent.is_file():  # one look: between two of them it may go
                raise SandboxError(f"{path.parent} is a file, where the sandbox needs a directory.") from None
            continue  # the last holder is removing the directory
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _same_file(handle, path):
            break
        os.close(handle)  # the last holder removed the file with the whole directory: lock the new one
    try:
        yield
    finally:
        os.close(handle)


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def records() -> list[Record]:
    """All servers that exist, running or not, by name."""
    return [read(path) for path in sorted(home().glob("servers/*/server.json"))]


def find(name: str) -> Record | None:
    """The server of that name, or None."""
    path = home() / "servers" / name / "server.json"
    return read(path) if path.is_file() else None


def read(path: Path) -> Record:
    """The record that `path` (a server.json) holds."""
    values = json.loads(path.read_text())
    return Record(**{**values, "directory": path.parent, "host_keys": tuple(values["host_keys"])})


def save(record: Record) -> None:
    """Remember the server, and list it in hosts.toml and known_hosts. The caller holds the lock."""
    values = {key: value for key, value in asdict(record).items() if key != "directory"}
    write(record.directory / "server.json", json.dumps(values, indent=2))
    publish()


def forget(record: Record) -> None:
    """Remove what is kept of the server; its driver has let go of it. The caller holds the lock."""
    (record.directory / "server.json").unlink(missing_ok=True)
    shutil.rmtree(record.directory)
    publish()


def publish() -> None:
    """Write hosts.toml and known_hosts for the servers that exist now."""
    known, hosts = [], ["# Written by the sandbox for each server on this machine; do not edit."]
    for record in records():
        where = record.address if record.port == 22 else f"[{record.address}]:{record.port}"
        known += [f"{where} {key}" for key in record.host_keys]
        hosts += ["", f"[hosts.{record.name}]", f"address = {json.dumps(record.address)}", f"port = {record.port}"]
        hosts += ['user = "deploy"', 'bootstrap_user = "root"']
        hosts += [f"key = {json.dumps(str(record.key))}", f"known_hosts = {json.dumps(str(record.known_hosts))}"]
    write(home() / "known_hosts", "".join(f"{line}\n" for line in known))
    write(home() / "hosts.toml", "".join(f"{line}\n" for line in hosts))


def write(path: Path, text: str) -> None:
    """Replace `path` with `text` in one go, so that no reader ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


def ensure_key() -> str:
    """Make the key pair unless it is there, and return its public half. The caller holds the lock."""
    path = home() / "id_ed25519"
    if not path.is_file():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "selvedge-sandbox", "-f", str(path)])
    return path.with_suffix(".pub").read_text()


def clear() -> None:
    """Remove the directory once no server is left. The caller holds the lock, which goes last."""
    for name in OURS:
        (home() / name).unlink(missing_ok=True)
    for folder in (home() / "servers", home(), home().parent):
        with contextlib.suppress(OSError):  # somebody else's files are in it: not ours to remove
            folder.rmdir()
