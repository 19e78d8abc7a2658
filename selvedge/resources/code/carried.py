"""Folders and files of this machine that go along with a release (app.carry)."""

from __future__ import annotations

import atexit
import fnmatch
import functools
import hashlib
import io
import os
import posixpath
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from selvedge.config import private_keys
from selvedge.config.files import hosts_file_name
from selvedge.config.secret_files import SECRET_FILES
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import quote, words
from selvedge.ssh.payload import readable
from selvedge.value import Value

if TYPE_CHECKING:
    import gzip
    import tarfile

    from selvedge.config.target import Target

_LEFT_OUT = re.compile("|".join(map(fnmatch.translate, (".git", *SECRET_FILES))), re.IGNORECASE)
"""Names that usually hold secrets, or are no part of what a build makes."""
_START = 64 * 1024
"""Bytes at the start of a file that show whether it is a private key."""


class CarriedFiles(Resource):
    """The carried folders and files in a release.

    base: the folder on this machine that `carried` begins at. sha256: of their archive, before it is compressed.
    """

    release: str
    group: str
    base: Path
    carried: tuple[str, ...]
    sha256: str

    @classmethod
    def of(cls, app: Target) -> CarriedFiles:
        """Return the carried files of the release. Raises Pending while their content is unknown."""
        release = app.paths.release(app.commit)
        return cls(release, app.name, app.carry_base, tuple(app.carry), app.release.carried)

    def probe(self) -> str:
        return f"probe_line {quote(f'{self.release}/.selvedge-carried')}"

    def complete(self, fact: str) -> str:
        """Return "present", or "archive BYTES FILES UNCOMPRESSED FILE" and the names that were left out, one a line."""
        if fact.strip() == self.sha256:
            return "present"
        found = pack(self.base, self.carried, self.sha256)
        sizes = f"{found.path.stat().st_size} {found.files} {found.size} {found.path}"
        return "\n".join([f"archive {sizes}", *found.left_out])

    def plan(self, fact: str) -> Change | None:
        if fact == "present":
            return None
        first, *left_out = fact.splitlines()
        _, size, files, uncompressed, path = first.split(" ", 4)
        without = f"; left out: {', '.join(left_out[:5])}{'…' if len(left_out) > 5 else ''}" if left_out else ""
        shell = call(
            "carry_receive", *self.carried, release=self.release, group=self.group, size=int(size), sum=self.sha256,
            uncompressed=int(uncompressed),
        )  # fmt: skip
        count = f"{files} file{'' if files == '1' else 's'}"
        summary = f"carry {', '.join(self.carried)} ({count}, {readable(int(uncompressed))}{without})"
        return Change(summary, shell, payload=Path(path))


class Archive(Value):
    """An archive of carried files.

    sha256: before it was compressed. files: their number. size: theirs together, in bytes. left_out: names.
    """

    path: Path
    sha256: str
    files: int
    size: int
    left_out: tuple[str, ...]


class _Entry(Value):
    """A file, folder or link: its path from the base folder, and what lstat said."""

    name: str
    status: os.stat_result


def check(base: Path, carried: tuple[str, ...]) -> None:
    """Raise ConfigError for files that cannot be carried. Of each file only the start is read."""
    for _ in _entries(base, carried, []):
        pass


def content(base: Path, carried: tuple[str, ...]) -> str:
    """Return the SHA-256 of the carried files' archive, 64 hex digits. Raises ConfigError for files that cannot be carried."""
    hashing = _Hashing(None)
    _write(base, list(_entries(base, carried, [])), hashing)
    return hashing.hash.hexdigest()


_PACKED: dict[tuple[Path, str], Archive] = {}


def pack(base: Path, carried: tuple[str, ...], sha256: str = "") -> Archive:
    """Return a compressed archive of the carried files as they are now, or as they were when this run packed that content.

    sha256: the content that is wanted, "" for any. Raises ConfigError for files that cannot be carried, SelvedgeError if their
    content is another.
    """
    if (base, sha256) in _PACKED:
        return _PACKED[base, sha256]
    # Imported here, like tarfile: every deploy loads this module, and most carry nothing.
    import gzip

    left_out: list[str] = []
    entries = list(_entries(base, carried, left_out))
    handle, name = tempfile.mkstemp(dir=_folder(), suffix=".tar.gz")
    with os.fdopen(handle, "wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        hashing = _Hashing(packed)
        _write(base, entries, hashing)
    found = hashing.hash.hexdigest()
    if sha256 and found != sha256:
        raise SelvedgeError(
            f"The content of {', '.join(carried)} (app.carry) has changed since this run began.",
            "Wait until the build has ended, then run the same command again.",
        )
    files = [entry for entry in entries if stat.S_ISREG(entry.status.st_mode)]
    size = sum(entry.status.st_size for entry in files)
    _PACKED[base, found] = Archive(Path(name), found, len(files), size, tuple(left_out))
    return _PACKED[base, found]


@functools.cache
def _folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="selvedge-")
    atexit.register(folder.cleanup)
    return folder.name


class _Hashing(io.RawIOBase):
    """A stream that hashes what is written to it, and passes it on."""

    def __init__(self, target: IO[bytes] | gzip.GzipFile | None) -> None:
        self.hash = hashlib.sha256()
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.hash.update(data)
        if self._target is not None:
            self._target.write(data)
        return len(data)


def _write(base: Path, entries: list[_Entry], stream: _Hashing) -> None:
    """Write an archive that depends on nothing but names, contents, links and the right to execute."""
    import tarfile

    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            mode = entry.status.st_mode
            if stat.S_ISDIR(mode):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            elif stat.S_ISLNK(mode):
                info.type, info.linkname = tarfile.SYMTYPE, str((base / entry.name).readlink())
                archive.addfile(info)
            else:
                info.size, info.mode = entry.status.st_size, 0o755 if mode & 0o100 else 0o644
                with _opened(base / entry.name) as file:
                    _add(archive, info, file)


def _add(archive: tarfile.TarFile, info: tarfile.TarInfo, file: IO[bytes]) -> None:
    try:
        archive.addfile(info, file)
    except OSError as error:
        raise SelvedgeError(
            f"{info.name} (app.carry) became shorter while it was read: {error}.",
            "Wait until the build has ended, then run the same command again.",
        ) from None


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise _refused(f"{path} is not readable: {error.strerror}", "Correct its permissions.") from None


def _entries(base: Path, carried: tuple[str, ...], left_out: list[str]) -> Iterator[_Entry]:
    """Yield everything in the carried folders, sorted. Raises ConfigError for what cannot be carried."""
    for top in carried:
        path = base / top
        if not path.exists() and not path.is_symlink():
            raise _refused(
                f"{path} does not exist",
                'Build it, or let the deploy do so: `before_build = "local: npm run build"` in [hooks], with your own command.',
            )
        if path.resolve() != base.resolve() / top:
            raise _refused(f"{path} is reached over a symbolic link, to {path.resolve()}", "List the folder itself.")
        found = list(_walk(base, top, top, left_out))
        if not any(stat.S_ISREG(entry.status.st_mode) for entry in found):
            raise _refused(f"{path} has no file in it", "Build it first.")
        yield from found


def _walk(base: Path, name: str, top: str, left_out: list[str]) -> Iterator[_Entry]:
    path = base / name
    status = path.lstat()
    if name != top and _LEFT_OUT.fullmatch(path.name):
        left_out.append(name)
        return
    if stat.S_ISLNK(status.st_mode):
        _require_inside(base, name, top)
    elif not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
        raise _refused(f"{path} is neither a file nor a folder", "Delete it, or list only the folders that the app needs.")
    if stat.S_ISREG(status.st_mode) and _is_private_key(path):
        if name == top:
            raise _refused(f"{path} is a private key", "Give it to the app as a variable of app.env_file, and delete it here.")
        left_out.append(name)
        return
    yield _Entry(name, status)
    if stat.S_ISDIR(status.st_mode):
        try:
            names = sorted(each.name for each in path.iterdir())
        except OSError as error:
            raise _refused(f"{path} is not readable: {error.strerror}", "Correct its permissions.") from None
        for each in names:
            yield from _walk(base, f"{name}/{each}", top, left_out)


def _is_private_key(path: Path) -> bool:
    with _opened(path) as file:
        return private_keys.is_file(file.read(_START))


def _require_inside(base: Path, name: str, top: str) -> None:
    target = str((base / name).readlink())
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    if posixpath.isabs(target) or not f"{inside}/".startswith(f"{top}/"):
        raise _refused(
            f"{base / name} is a symbolic link out of {top}, to {target}",
            f"Replace it by a copy: `cp -rL {words(str(base / top), str(base / top) + '.copy')}` copies what links lead to.",
        )


def _refused(problem: str, remedy: str) -> ConfigError:
    return ConfigError(hosts_file_name(), "app.carry", problem, remedy)
