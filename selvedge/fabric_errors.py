"""Errors of Fabric itself, after it has loaded the fabfile: a sentence and a status in place of a traceback."""

from __future__ import annotations

import atexit
import errno
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from fabric import Config
from fabric.main import Fab
from invoke.exceptions import Exit

from selvedge.config import private_keys
from selvedge.config.local_files import LocalFileError, read_bytes
from selvedge.errors import SelvedgeError

EXECUTOR = "selvedge.executor.Executor"
SUFFIXES = ("yaml", "yml", "json", "py")
_UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def install() -> None:
    """Make Fabric end with a sentence if a file of its settings is wrong, if it cannot ask, or if no one reads its output."""
    Config.load_project = _checked(Config.load_project, _project_files)
    Config.load_runtime = _checked(Config.load_runtime, _runtime_files)
    Fab.update_config = _asked(Fab.update_config)
    Fab.execute = _with_executor(Fab.execute)
    sys.excepthook = _uncaught
    atexit.register(_discard)


def _project_files(config: Any) -> list[Path]:
    """Return the first of Fabric's files in the project's folder; none if it has none."""
    prefix = config._project_prefix
    paths = [Path(f"{prefix}fabric.{suffix}") for suffix in SUFFIXES] if prefix is not None else []
    return [path for path in paths if os.path.lexists(path)][:1]


def _runtime_files(config: Any) -> list[Path]:
    """Return the file of --config."""
    return [Path(config._runtime_path).expanduser()] if config._runtime_path else []


def _checked(load: Callable[..., None], files: Callable[[Any], list[Path]]) -> Callable[..., None]:
    @functools.wraps(load)
    def checked(self: Any, *arguments: Any, **flags: Any) -> None:
        for path in files(self):
            try:
                if private_keys.is_file(read_bytes(path)):
                    _refuse(path, "is a private key")
            except LocalFileError as error:
                _refuse(path, str(error))
            try:
                load(self, *arguments, **flags)
            except Exception as error:
                _refuse(path, _problem(error))
            return
        load(self, *arguments, **flags)

    return checked


def _problem(error: Exception) -> str:
    """Return what is wrong with a file of settings, without its text, which may be a secret."""
    if mark := getattr(error, "problem_mark", None):
        return f"is not YAML: line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    return "has no settings that Fabric understands"


def _refuse(path: Path, problem: str) -> NoReturn:
    restore = f"restore it: `git checkout -- {path.name}`" if path.name == "fabric.yaml" else "give another file"
    raise Exit(f"{path}: the file {problem}.\nCorrect it, or {restore}.", 2) from None


def _asked(update: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(update)
    def asked(self: Fab, *arguments: Any, **flags: Any) -> None:
        try:
            update(self, *arguments, **flags)
        except EOFError:
            remedy = "Run it in a terminal, or set SELVEDGE_SUDO_PASSWORD for sudo, and use an SSH agent for keys."
            raise Exit(f"fab cannot ask for a password, because its standard input has ended.\n{remedy}", 2) from None

    return asked


def _with_executor(execute: Callable[..., None]) -> Callable[..., None]:
    """Refuse to run without Selvedge's executor: Fabric's own knows nothing of hosts.toml, and accepts any host key."""

    @functools.wraps(execute)
    def executed(self: Fab) -> None:
        named = str(self.config.tasks.executor_class or "")
        module, _, name = named.rpartition(".")
        try:
            found = getattr(__import__(module, fromlist=[name]), name) if module else None
        except (ImportError, AttributeError):
            found = None
        if EXECUTOR not in (f"{each.__module__}.{each.__qualname__}" for each in getattr(found, "__mro__", ())):
            raise Exit(
                f"Fabric's settings name {f'the executor {named}' if named else 'no executor'} instead of {EXECUTOR}, "
                "so `fab` does not know hosts.toml.\nRestore the file of Selvedge: `git checkout -- fabric.yaml`.",
                2,
            )
        execute(self)

    return executed


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, BrokenPipeError):
        _discard()
    elif isinstance(error, OSError) and error.errno in _UNWRITTEN:
        from selvedge.report import Report

        Report().error(SelvedgeError(f"A part of the output could not be written: {error.strerror}."))
        _discard()
    else:
        sys.__excepthook__(kind, error, trace)


def _discard() -> None:
    """Write what is left of the output to /dev/null, so that Python's own flush at the end does not fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
