"""The state directory of the sandbox: the record of each server, and files for ssh and Selvedge.

It is `${XDG_STATE_HOME:-~/.local/state}/selvedge/sandbox`, unless SELVEDGE_SANDBOX_DIR is set:

    lock                    held during each change of the other files
    id_ed25519, .pub        the key that logs in to every server
    hosts.toml              the servers, for Selvedge
    known_hosts             their host keys, for ssh
    network.json            the subnet of the bridge, and the last address given out
    servers/NAME/           server.json and the driver's files
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

from .shell import SandboxError, run

FILES = ("hosts.toml", "known_hosts", "network.json", "id_ed25519", "id_ed25519.pub", "lock")


@dataclass(frozen=True)
class Record:
    """The record of a server.

    `address` is an IPv4 address that this machine reaches. On it, the server's ports 22, 80 and 443 answer at `port`,
    `http_port` and `https_port`. `host_keys` are the public host keys ("ssh-ed25519 AAAA…").
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
        """The server's `/` on this machine. With Docker there is no such directory."""
        return self.directory / "root"


def home() -> Path:
    """Return the state directory, which may not exist yet."""
    if chosen := os.environ.get("SELVEDGE_SANDBOX_DIR"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "selvedge/sandbox"


def tag() -> str:
    """Return eight hex digits, unique per state directory, for the names of its bridge and machines."""
    return hashlib.sha256(str(home()).encode()).hexdigest()[:8]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, after its present holder. The kernel releases it when the holder dies.

    Raises SandboxError if the file's directory is a file.
    """
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (FileNotFoundError, FileExistsError):
            if path.parent.is_file():  # a single check: another process may be removing the directory
                raise SandboxError(f"The sandbox needs a folder, but {path.parent} is a file. Move the file away.") from None
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _same_file(handle, path):
            break
        os.close(handle)  # the last holder removed the file and its directory: lock the new file
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
    """Return the records of all servers, sorted by name."""
    return [read(path) for path in sorted(home().glob("servers/*/server.json"))]


def find(name: str) -> Record | None:
    """Return the record of the server `name`, or None."""
    path = home() / "servers" / name / "server.json"
    return read(path) if path.is_file() else None


def read(path: Path) -> Record:
    """Return the record in the file `path`, a server.json."""
    values = json.loads(path.read_text())
    return Record(**{**values, "directory": path.parent, "host_keys": tuple(values["host_keys"])})


def save(record: Record) -> None:
    """Write the server's record, and add it to hosts.toml and known_hosts. The caller holds the lock."""
    values = {key: value for key, value in asdict(record).items() if key != "directory"}
    write(record.directory / "server.json", json.dumps(values, indent=2))
    publish()


def forget(record: Record) -> None:
    """Delete the record and the directory of a server that its driver has removed. The caller holds the lock."""
    (record.directory / "server.json").unlink(missing_ok=True)
    shutil.rmtree(record.directory)
    publish()


def publish() -> None:
    """Write hosts.toml and known_hosts for the present servers."""
    known, hosts = [], ["# The sandbox servers on this machine. The sandbox writes this file; do not edit it."]
    for record in records():
        where = record.address if record.port == 22 else f"[{record.address}]:{record.port}"
        known += [f"{where} {key}" for key in record.host_keys]
        hosts += ["", f"[hosts.{record.name}]", f"address = {json.dumps(record.address)}", f"port = {record.port}"]
        hosts += ['user = "deploy"', 'bootstrap_user = "root"']
        hosts += [f"key = {json.dumps(str(record.key))}", f"known_hosts = {json.dumps(str(record.known_hosts))}"]
    write(home() / "known_hosts", "".join(f"{line}\n" for line in known))
    write(home() / "hosts.toml", "".join(f"{line}\n" for line in hosts))


def write(path: Path, text: str) -> None:
    """Write `text` to `path` atomically: a reader never sees a partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


def ensure_key() -> str:
    """Return the public key of the sandbox; create the key pair if it is missing. The caller holds the lock."""
    path = home() / "id_ed25519"
    if not path.is_file():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "selvedge-sandbox", "-f", str(path)])
    return path.with_suffix(".pub").read_text()


def clear(*, network_remains: bool = False) -> None:
    """Delete the state directory once no server is left; the lock is its last file. The caller holds the lock.

    network_remains: keep the file that describes the bridge.
    """
    for name in FILES:
        if not (network_remains and name == "network.json"):
            (home() / name).unlink(missing_ok=True)
    for folder in (home() / "servers", home(), home().parent):
        with contextlib.suppress(OSError):  # it has files that are not the sandbox's
            folder.rmdir()
