"""`app.env_command`: a program on this machine that prints the app's environment, such as a password manager."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import SecretStr

from selvedge.config import private_keys
from selvedge.config.local_files import MIB, LocalFileError, as_text
from selvedge.config.masks import SECRET_NAME, hide_values, mask_command
from selvedge.config.secret_names import is_secret
from selvedge.errors import ConfigError
from selvedge.shell.quoting import quote, split_words

SETTING = "app.env_command"
SECONDS = 300
"""A command that takes longer is stopped."""
LARGEST = 8 * MIB
"""Bytes of output, as for the file of app.env_file."""
LONGEST = 80
"""Characters of a command that a message shows."""
_KEPT = 64 * 1024
"""Bytes of standard error that are kept for a message."""
_PAUSE = 0.2
"""Seconds without output after which Selvedge looks whether the command has ended."""
_LINE = 300
"""Characters of a line of standard error that a message shows."""
_PRINT = 'The command must print one NAME="value" on each line'


@dataclass
class EnvCommands:
    """The output of each command that this run has called. A password manager asks once, however many hosts need it."""

    _known: dict[tuple[str, Path], SecretStr] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False, compare=False)

    def output(self, command: str, folder: Path) -> SecretStr:
        """Return what the command prints, run by `sh` in this folder the first time.

        Raises:
            ConfigError: the command cannot be run, fails, takes longer than SECONDS, or prints nothing, more than LARGEST bytes,
                or something other than text.
        """
        with self._lock:
            if (command, folder) not in self._known:
                self._known[command, folder] = SecretStr(_text(command, _run(command, folder)))
            return self._known[command, folder]


def first_word(command: str) -> str:
    """Return the first word of a command after its assignments, "" without one: `/usr/bin/sops` of `LANG=C /usr/bin/sops -d x`."""
    words = (word for word in split_words(command) if not word.partition("=")[0].isidentifier() or "=" not in word)
    return next(words, "")


def program(command: str) -> str:
    """Return the name of a command's first program: "sops" for `LANG=C /usr/bin/sops -d x`."""
    return Path(first_word(command)).name


def shown(command: str) -> str:
    """Return the command for a message: without its probable secrets, and short."""
    text = mask_command(command)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def refused(command: str, problem: str, remedy: str) -> ConfigError:
    """Return the error for a command. problem: the end of a sentence that begins with the command."""
    return ConfigError(SETTING, "", f"`{shown(command)}` {problem}", remedy)


def not_dotenv(command: str, text: str) -> ConfigError:
    """Return the error for output without any assignment."""
    kinds = {"{": "JSON", "[": "JSON", "<": "HTML or XML"}
    kind = kinds.get(text.lstrip()[:1], "")
    hint = ": `sops -d --output-type dotenv FILE`" if program(command) == "sops" else ""
    found = f"prints {kind}" if kind else 'prints no line NAME="value"'
    return refused(command, found, f"{_PRINT}{hint}. Change {SETTING} in hosts.toml.")


def _run(command: str, folder: Path) -> bytes:
    """Return the command's output. On a terminal, it may ask questions there; elsewhere it gets no input."""
    asks = sys.stdin.isatty() and sys.stderr.isatty()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=folder,
            stdin=None if asks else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if asks else subprocess.PIPE,
            start_new_session=not asks,
        )
    except OSError as error:
        raise refused(command, f"cannot be run: {error.strerror}", f"Correct {SETTING} in hosts.toml.") from None
    with _ended(process, own_session=not asks):
        output, said = _collect(process, command)
    if process.returncode:
        raise _failure(command, folder, process.returncode, output, said)
    return output


def _collect(process: subprocess.Popen[bytes], command: str) -> tuple[bytes, bytes]:
    """Return the output and the end of standard error, and wait for the end. Raises ConfigError beyond SECONDS or LARGEST."""
    ends = time.monotonic() + SECONDS
    remedy = "Run it in a terminal to see what it waits for: only there, Selvedge lets it ask questions."
    late = refused(command, f"did not end within {SECONDS} s", remedy)
    output, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((process.stdout, output), (process.stderr, said)):
            if pipe:
                selector.register(pipe, selectors.EVENT_READ, kept)
        while selector.get_map():
            ready = selector.select(max(0.0, min(ends - time.monotonic(), _PAUSE)))
            if not ready and process.poll() is not None:
                break  # A program that the command has left in the background, such as an agent, keeps the pipe open.
            if not ready and time.monotonic() >= ends:
                raise late
            for key, _ in ready:
                chunk = os.read(key.fd, 65536)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            del said[:-_KEPT]
            if len(output) > LARGEST:
                raise refused(command, f"prints more than {LARGEST // MIB} MiB", f"{_PRINT}. Correct {SETTING} in hosts.toml.")
    try:
        process.wait(max(0.0, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise late from None
    return bytes(output), bytes(said)


@contextmanager
def _ended(process: subprocess.Popen[bytes], *, own_session: bool) -> Iterator[None]:
    """End the process if the context raises, also by Ctrl-C, and turn the terminal's echo on again."""
    terminal = None if own_session else termios.tcgetattr(sys.stdin)
    try:
        with process:
            try:
                yield
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL) if own_session else process.terminate()
                raise
    except BaseException:
        if terminal:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, terminal)
        raise


def _failure(command: str, folder: Path, status: int, output: bytes, said: bytes) -> ConfigError:
    """Return the error for a command that failed. said: its standard error, empty if a terminal has shown it."""
    words = _without_secrets(said.decode("utf-8", "replace"), output.decode("utf-8", "replace"))
    reason = f": {words}" if words else ""
    if status in (126, 127):
        what = "not installed, or not in PATH" if status == 127 else "not executable"
        remedy = f"Install the program on your machine, or correct {SETTING} in hosts.toml."
        return refused(command, f"failed, because a program is {what} (exit status {status}){reason}", remedy)
    how = f"was ended by signal {-status}" if status < 0 else f"failed with exit status {status}"
    alone = mask_command(f": `cd {quote(str(folder))} && ({command}) >/dev/null`") if len(command) <= LONGEST else f", in {folder}"
    return refused(command, f"{how}{reason}", f"Run it alone until it works{alone}.")


def _without_secrets(said: str, output: str) -> str:
    """Return the last lines of standard error without what was printed as output and without the secrets of this environment."""
    # The output may have any form, also a value of several lines in quotes.
    parts = [part for line in output.splitlines() for part in (line, line.partition("=")[2])]
    values = [text for part in parts for text in (part, part.strip("\"' "))]
    own = [value for name, value in os.environ.items() if SECRET_NAME.search(name) or is_secret(name)]
    words = [line.strip()[-_LINE:] for line in hide_values(said, [*values, *own]).splitlines()]
    return " | ".join([line for line in words if line][-5:])


def _text(command: str, output: bytes) -> str:
    """Return the output as text. Raises ConfigError if it is empty, not UTF-8 text, or a key."""
    try:
        text = as_text(output)
    except LocalFileError as error:
        raise refused(command, f"prints something that {error}", f"{_PRINT}, in UTF-8.") from None
    if not text.strip():
        raise refused(command, "prints nothing", f"{_PRINT}. A pipe to another program hides its failure.")
    if private_keys.is_file(output) or text.lstrip().startswith("-----BEGIN "):
        raise refused(command, "prints a key or certificate", f"{_PRINT}. Correct {SETTING} in hosts.toml.")
    return text
