"""The known_hosts files of this machine: the keys in them for a server, and new lines for them.

The format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT", with its markers, patterns and hashed names.
"""

from __future__ import annotations

import base64
import binascii
import errno
import functools
import hashlib
import hmac
import os
import re
import struct
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from selvedge.config.local_files import home_folder
from selvedge.errors import SelvedgeError
from selvedge.shell.quoting import quote
from selvedge.value import Value

USER_FILE = Path(".ssh/known_hosts")  # in the home folder
SYSTEM_FILE = Path("/etc/ssh/ssh_known_hosts")
LARGEST = 32 << 20
"""Bytes of the largest known_hosts file that is read."""
ATTEMPTS = 20
AUTHORITY, REVOKED = "@cert-authority", "@revoked"
_writing = threading.Lock()


class HostKey(Value):
    """A host key. kind: e.g. "ssh-ed25519". blob: the key as in the SSH protocol (RFC 4253, section 6.6)."""

    kind: str
    blob: bytes

    @property
    def text(self) -> str:
        """The key as in a line of known_hosts: its kind and base64."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"


class Line(Value):
    """A line of a known_hosts file. names: its first column. place: the file and the number of the line, for messages."""

    marker: str
    names: str
    key: HostKey
    file: Path
    number: int

    @property
    def place(self) -> str:
        return f"{self.file}, line {self.number}"


class Content(Value):
    """The lines of a known_hosts file, and a warning if it, or a part of it, cannot be read."""

    lines: tuple[Line, ...] = ()
    problems: tuple[str, ...] = ()


class Known(Value):
    """The lines for a server: its keys, the authorities that may certify them, and revoked keys."""

    keys: tuple[Line, ...] = ()
    authorities: tuple[Line, ...] = ()
    revoked: tuple[Line, ...] = ()

    def has(self, key: HostKey) -> bool:
        """Return whether one of the server's keys is this one."""
        return any(line.key == key for line in self.keys)

    def of_kind(self, kind: str) -> list[Line]:
        """Return the server's keys of a kind."""
        return [line for line in self.keys if line.key.kind == kind]


def entry_name(server: str, port: int) -> str:
    """Return the name of an SSH server in a known_hosts file: `server`, or `[server]:port` if the port is not 22."""
    return server.lower() if port == 22 else f"[{server.lower()}]:{port}"


def machine_files() -> list[Path]:
    """Return the known_hosts files of this machine and of its user that exist."""
    return [path for path in (SYSTEM_FILE, home_folder() / USER_FILE) if path.is_file()]


def read(path: Path) -> Content:
    """Return the lines of a file; without lines if it is missing. Nothing in the file raises an error."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return Content()
    except OSError as error:
        return Content((), (f"{path} is not readable: {error.strerror}.",))
    return _read(path, (status.st_mtime_ns, status.st_ino), status.st_size)


@functools.cache
def _read(path: Path, _changed: tuple[int, int], size: int) -> Content:
    """Read a file once, for all servers of a run."""
    if path == Path(os.devnull):
        return Content()
    if not path.is_file() or size > LARGEST:
        return Content((), (f"{path} is not a file of at most {LARGEST >> 20} MiB, so it was not read.",))
    try:
        rows = path.read_bytes().split(b"\n")
    except OSError as error:
        return Content((), (f"{path} is not readable: {error.strerror}.",))
    lines: list[Line] = []
    skipped: list[str] = []
    for number, row in enumerate(rows, 1):
        text = row.decode("utf-8", "surrogateescape").strip()
        if not text or text.startswith("#"):
            continue
        try:
            lines += _parsed(text, path, number)
        except ValueError as error:
            skipped.append(f"{path}, line {number} was skipped: {error}.")
    rest = f" Further damaged lines: {len(skipped) - 1}." if len(skipped) > 1 else ""
    return Content(tuple(lines), (skipped[0] + rest,) if skipped else ())


def _parsed(text: str, path: Path, number: int) -> Iterator[Line]:
    """Yield the line; nothing for a key of SSH version 1. Raises ValueError if it is damaged."""
    if "\0" in text:
        raise ValueError("it contains a NUL byte")
    marker, rest = "", text
    if text.startswith("@"):
        marker, _, rest = text.partition(" ") if " " in text else text.partition("\t")
        if marker not in (AUTHORITY, REVOKED):
            raise ValueError(f"{marker[:30]} is not a marker that ssh knows")
    names, kind, blob = [*rest.split(None, 3), "", "", ""][:3]
    if kind.isdigit():
        return
    if not blob:
        raise ValueError("it does not have a name, a type and a key")
    try:
        data = base64.b64decode(blob, validate=True)
        (length,) = struct.unpack_from(">I", data)
    except (binascii.Error, struct.error):
        raise ValueError("its key is damaged") from None
    if data[4 : 4 + length] != kind.encode("utf-8", "surrogateescape") or len(data) <= 4 + length:
        raise ValueError(f"its key is damaged, or not of the type {kind[:40]}")
    yield Line(marker, names, HostKey(kind, data), path, number)


def _line(row: str) -> Line | None:
    """Return the line, None if it is damaged, empty or a comment."""
    text = row.strip()
    try:
        return next(_parsed(text, Path(), 0), None) if text and not text.startswith("#") else None
    except ValueError:
        return None


def find(files: Iterable[Path], entry: str) -> Known:
    """Return the lines of these files for a server."""
    found = [line for path in files for line in read(path).lines if matches(line.names, entry)]

    def marked(marker: str) -> tuple[Line, ...]:
        return tuple(line for line in found if line.marker == marker)

    return Known(marked(""), marked(AUTHORITY), marked(REVOKED))


def problems(files: Iterable[Path]) -> list[str]:
    """Return a warning for each of these files that cannot be read, or not in full."""
    return [problem for path in files for problem in read(path).problems]


def matches(names: str, entry: str) -> bool:
    """Return whether the first column of a line means this server: names, patterns, excluded patterns, a hashed name."""
    if names.startswith("|"):
        return _hash_matches(names, entry)
    found = False
    for pattern in names.split(","):
        if _pattern(pattern.removeprefix("!").lower()).fullmatch(entry):
            if pattern.startswith("!"):
                return False
            found = True
    return found


@functools.lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern of ssh_config(5), section PATTERNS: `*` and `?` are special, brackets are not."""
    # A run of stars would make the search slow.
    return re.compile("".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in re.sub(r"\*+", "*", pattern)), re.DOTALL)


def _hash_matches(names: str, entry: str) -> bool:
    _, version, salt, digest, *_ = [*names.split("|"), "", "", ""]
    try:
        expected = base64.b64decode(digest, validate=True)
        made = hmac.digest(base64.b64decode(salt, validate=True), entry.encode(), hashlib.sha1)
    except binascii.Error:
        return False
    return version == "1" and hmac.compare_digest(made, expected)


def lines_for(files: Iterable[Path], entry: str) -> str:
    """Return the server's keys in these files as lines of a known_hosts file, each key once."""
    keys = dict.fromkeys(line.key for line in find(files, entry).keys)
    return format_lines(entry, keys)


def format_lines(entry: str, keys: Iterable[HostKey]) -> str:
    """Return the lines of a known_hosts file for these keys."""
    return "".join(f"{entry} {key.text}\n" for key in keys)


def forget_commands(files: Iterable[Path], entry: str) -> str:
    """Return the commands that remove a server's keys from the files that have them, one a line."""
    holding = [path for path in files if find([path], entry).keys]
    other = {path: f" -f {quote(str(path))}" for path in holding if path != home_folder() / USER_FILE}
    return "\n".join(f"    ssh-keygen -R {quote(entry)}{other.get(path, '')}" for path in holding)


def add(path: Path, entry: str, keys: Iterable[HostKey]) -> None:
    """Append keys to a file; create it (0600) if it is missing. Raises SelvedgeError if it is not writable."""
    _change(path, lambda rows: [*rows, *format_lines(entry, keys).splitlines()])


def replace(path: Path, entries: Collection[str], new: Mapping[HostKey, HostKey]) -> bool:
    """Put new keys in the place of old ones in a file, and return whether it has changed. Raises SelvedgeError.

    new: old key → new key. Only lines for one of `entries` lose the old key. If a line with the same key is for another name,
    the new key is added to it: it may be this server or a copy with the same keys.
    """
    if not any(line.key in new and not line.marker for line in read(path).lines):
        return False

    def changed(rows: Sequence[str]) -> Iterator[str]:
        for row in rows:
            line = _line(row)
            if line is None or line.marker or line.key not in new:
                yield row
                continue
            if not any(matches(line.names, entry) for entry in entries):
                yield row
            yield f"{line.names} {new[line.key].text}"

    _change(path, changed)
    return True


def _change(path: Path, change: Callable[[Sequence[str]], Iterable[str]]) -> None:
    """Replace a file by one with changed lines. Its mode stays; a link stays a link. A device is never replaced."""
    try:
        real = path.resolve()
        with _writing:
            if real.exists() and not real.is_file():
                raise IsADirectoryError(errno.EISDIR, "Is a directory, or no regular file")
            real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Another program, such as ssh, may add a line meanwhile.
            for _ in range(ATTEMPTS):
                if _replaced(real, change):
                    return
            raise OSError(errno.EBUSY, "Other programs change it all the time")
    except OSError as error:
        remedy = f"Check its permissions: `ls -ld {path.parent} {path}`."
        raise SelvedgeError(f"could not write {path}: {error.strerror}.", remedy) from error


def _replaced(real: Path, change: Callable[[Sequence[str]], Iterable[str]]) -> bool:
    """Replace a file by one with changed lines. Return False, and leave it, if it has changed meanwhile."""
    before = _version(real)
    text = real.read_bytes().decode("utf-8", "surrogateescape") if before else ""
    rows = text.split("\n")
    fresh = "".join(f"{row}\n" for row in change(rows if rows[-1] else rows[:-1]))
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=".known_hosts.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(fresh.encode("utf-8", "surrogateescape"))
        Path(name).chmod(real.stat().st_mode & 0o7777 if before else 0o600)
        if _version(real) != before:
            return False
        Path(name).replace(real)
    finally:
        Path(name).unlink(missing_ok=True)
    return True


def _version(path: Path) -> tuple[int, ...]:
    """Return what changes with the content of a file, () if it is missing."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return ()
    return (status.st_ino, status.st_mtime_ns, status.st_size)
