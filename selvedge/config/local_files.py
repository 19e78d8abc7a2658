"""Files of this machine that settings name. They are opened only if they are regular files of a sensible size."""

from __future__ import annotations

import errno
import getpass
import os
import stat
from pathlib import Path

from selvedge.config import private_keys
from selvedge.shell.quoting import quote

MIB = 1024 * 1024
KINDS = {
    stat.S_IFDIR: "is a folder instead of a regular file",
    stat.S_IFIFO: "is a pipe (FIFO) instead of a regular file",
    stat.S_IFSOCK: "is a socket instead of a regular file",
    stat.S_IFCHR: "is a device instead of a regular file",
    stat.S_IFBLK: "is a device instead of a regular file",
}
_DER_CERTIFICATE = b"\x30\x82"
_SAVE = "Save it as UTF-8."


class LocalFileError(Exception):
    """A file cannot be used. Its text is the end of a sentence that begins with the file: "is missing".

    remedy: a sentence, "" if it depends on the setting.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy


def home_folder() -> Path:
    """Return the user's home folder: $HOME, else that of the user database, else /, as in a container whose user has none."""
    try:
        return Path("~").expanduser()
    except RuntimeError:
        return Path("/")


def user_name() -> str:
    """Return the user's name on this machine; its number if it has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def expanded(path: str) -> Path:
    """Return a path with `~` and `~user` replaced by the home folder. Raises ValueError if there is no such user or home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user = path.partition("/")[0]
        reason = "this machine has no user of that name" if user != "~" else "your user has no home folder"
        raise ValueError(f"begins with {user}, and {reason}: write the whole path, or ./{user} for a folder of that name") from None


def read_bytes(path: Path, *, largest: int = MIB) -> bytes:
    """Return the content of a regular file. largest: in bytes.

    Raises:
        LocalFileError: the file is missing, not readable, not a regular file, or too large. Such a file is not read.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise _wrong_kind(found.st_mode)
            with os.fdopen(handle, "rb", closefd=False) as file:
                # A file in /proc has the size 0, and a file may grow while it is read.
                content = file.read(largest + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise _failure(path, error) from None
    if len(content) > largest:
        size = max(found.st_size, len(content))
        shown = f"{size / MIB:.1f} MiB" if size >= MIB else f"{size} bytes"
        raise LocalFileError(f"is too large ({shown}): it may have {largest // MIB} MiB, so it is probably another file")
    return content


def read_text(path: Path, *, largest: int = MIB) -> str:
    """Return the text of a regular file in UTF-8, without a byte order mark and with its line breaks as they are.

    Raises:
        LocalFileError: as `read_bytes`, or the file is not UTF-8 text.
    """
    content = read_bytes(path, largest=largest)
    if private_keys.is_binary(content):
        raise LocalFileError("is a private key or a keystore in a binary format such as DER or PKCS #12")
    if content.startswith(_DER_CERTIFICATE):
        pem = quote(str(path.with_suffix(".pem")))
        remedy = f"Convert it to PEM: `openssl x509 -inform der -in {quote(str(path))} -out {pem}`."
        raise LocalFileError("is a certificate in binary (DER) instead of PEM text", remedy)
    return as_text(content)


def as_text(content: bytes) -> str:
    """Return the text in UTF-8, without a byte order mark. Raises LocalFileError if it is not UTF-8 text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LocalFileError("is UTF-16 text", _SAVE)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LocalFileError("is not UTF-8 text", _SAVE) from None
    if "\0" in text:
        raise LocalFileError("is not text, because it has NUL characters", "If it is UTF-16 text, save it as UTF-8.")
    return text


def _wrong_kind(mode: int) -> LocalFileError:
    remedy = "Write its content to a regular file first." if stat.S_ISFIFO(mode) else ""
    return LocalFileError(KINDS.get(stat.S_IFMT(mode), "is not a regular file"), remedy)


def _failure(path: Path, error: OSError) -> LocalFileError:
    if error.errno == errno.ENOENT:
        if path.is_symlink():
            return LocalFileError(f"is a symbolic link to {path.readlink()}, which is missing")
        return LocalFileError("is missing")
    if error.errno == errno.ELOOP:
        return LocalFileError("is a loop of symbolic links")
    if error.errno in (errno.ENXIO, errno.EOPNOTSUPP):
        return _wrong_kind(stat.S_IFSOCK)
    if error.errno == errno.ENOTDIR:
        return LocalFileError("is missing, because a part of its path is a file and not a folder")
    return LocalFileError(f"is not readable: {error.strerror}")
