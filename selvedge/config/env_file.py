"""Set one variable in an environment file, and leave the rest of the file byte for byte as it is."""

from __future__ import annotations

import io
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from selvedge.config.local_files import MIB, LocalFileError, read_bytes
from selvedge.errors import ConfigError

_BOM = b"\xef\xbb\xbf"
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
# As python-dotenv reads a statement: the start, the value, the rest with a comment.
_STATEMENT = re.compile(
    r"""(?P<start>\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=\#\s]+)[^\S\r\n]*=)(?P<space>[^\S\r\n]*)"""
    r"""(?P<value>(?<=\s)(?=\#)|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\r\n]*?(?=\s+\#|\s*$|[\r\n]))(?P<rest>.*)""",
    re.DOTALL,
)


def set_variable(path: Path, name: str, value: str) -> None:
    """Write a variable to an environment file. A new file gets the mode 0600, an existing one keeps its mode.

    path: a dotenv file that `read_environment` accepts, or a file that does not exist.

    Raises:
        ConfigError: the file cannot be read or written, or the format cannot hold the value. Then it is unchanged.
    """
    try:
        content = read_bytes(path, largest=8 * MIB) if path.exists() else b""
        text = content.removeprefix(_BOM).decode()
        mark = _BOM if content.startswith(_BOM) else b""
        _replace(path.resolve(), mark + with_variable(text, name, value).encode())
    except (LocalFileError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        problem = f"{name} was not set, because the file cannot be written: {reason}"
        raise ConfigError(str(path), "", problem, f"Check it: `ls -ld {path.parent} {path}`.") from None
    except ValueError:
        problem = f"{name} was not set, because a dotenv file cannot hold this value"
        raise ConfigError(str(path), "", problem, "Encode it, for example with base64, and have the app decode it.") from None


def with_variable(text: str, name: str, value: str) -> str:
    """Return the text of a dotenv file with another value of a variable, which comes last if it is new.

    Raises ValueError if the text has no form that python-dotenv reads back as these variables.
    """
    statements = list(parse_stream(io.StringIO(text, newline="")))
    wanted = {**_values(statements), name: value}
    for quoted in _quoted(value):
        changed = _changed(statements, name, quoted)
        if _values(parse_stream(io.StringIO(changed, newline=""))) == wanted:
            return changed
    raise ValueError(name)


def _quoted(value: str) -> Iterator[str]:
    """Yield the forms of a value in a dotenv file, the simplest first. Shells read the first three in the same way."""
    double = value.replace("\\", "\\\\").replace('"', '\\"')
    if _PLAIN.fullmatch(value):
        yield value
    if not re.search(r"['\\]", value):
        yield f"'{value}'"
    if not re.search(r"[$`]", value):
        yield f'"{double}"'
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    yield f"'{escaped}'"
    yield f'"{double}"'
    yield value


def _changed(statements: Sequence[Binding], name: str, quoted: str) -> str:
    """Return the text of the statements with a value in place of that of the last assignment, which counts."""
    texts = [each.original.string for each in statements]
    found = [number for number, each in enumerate(statements) if each.key == name]
    if found:
        parts = _STATEMENT.fullmatch(texts[found[-1]])
        if not parts:
            raise ValueError(name)
        # `NAME= # comment` has no value, and the comment needs its space.
        before, after = ("", parts["space"]) if not parts["value"] else (parts["space"], "")
        texts[found[-1]] = f"{parts['start']}{before}{quoted}{after}{parts['rest']}"
        return "".join(texts)
    text = "".join(texts)
    end = "\r\n" if "\r\n" in text else "\n"
    complete = not text or text.endswith(("\n", "\r"))
    return f"{text}{'' if complete else end}{name}={quoted}{end}"


def _values(statements: Iterator[Binding] | Sequence[Binding]) -> dict[str, str | None]:
    return {each.key: each.value for each in statements if each.key}


def _replace(path: Path, content: bytes) -> None:
    """Write the file in one step: at each moment, it has the old content or the new one. Raises OSError."""
    old = path.stat() if path.exists() else None
    # The end of the name is that of the file, so that a pattern of .gitignore such as *.env applies to it.
    handle, temporary = tempfile.mkstemp(prefix=".selvedge-", suffix=f"-{path.name}", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if old:
                with suppress(PermissionError):
                    os.fchown(handle, old.st_uid, old.st_gid)
                os.fchmod(handle, stat.S_IMODE(old.st_mode))
            os.fsync(handle)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
