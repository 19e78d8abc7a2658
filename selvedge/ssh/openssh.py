"""The client configuration of this machine, as `ssh -G` shows it.

Without an ssh program, paramiko's reader takes its place. It knows less, which `UNKNOWN` says.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from selvedge.config.local_files import LocalFileError, home_folder, read_bytes, user_name
from selvedge.errors import UsageError
from selvedge.value import Value

Options = Mapping[str, tuple[str, ...]]
"""Name of an option in lower case → its values. An option such as IdentityFile has several."""
SECONDS = 20
"""Seconds for one `ssh -G`: a Match line may run a command, and a canonical name is looked up."""
SYSTEM_FILE = Path("/etc/ssh/ssh_config")
UNKNOWN = "{why}, so Selvedge reads {file} with its own library. It ignores Include and the newer conditions of Match."
"""The note about paramiko's reader (paramiko.config.SSHConfig). why: why `ssh -G` gave no answer."""
_INCLUDE = re.compile(r"^(\s*include(?:\s+|\s*=\s*))(.*)$", re.IGNORECASE)
_PATHS = re.compile(r"\s*(IdentityFile|CertificateFile|IdentityAgent|UserKnownHostsFile)\b", re.IGNORECASE)


class Request(Value):
    """A question to `ssh -G`. name: as a user types it after `ssh`. file: another file than the usual ones, as for `ssh -F`."""

    name: str
    user: str = ""
    port: int | None = None
    file: str = ""


def ask(request: Request) -> Options:
    """Return the options that apply; each request is answered once a run. The option "note" says what was not read.

    Raises UsageError with ssh's own words if the configuration has an error.
    """
    return _ask(request, str(home_folder()), shutil.which("ssh") or "")


@contextmanager
def asking(requests: Iterable[Request]) -> Iterator[None]:
    """Ask all of these at once while the block runs, so that `ask` has the answers. At its end, raise UsageError as `ask` does."""
    distinct = list(dict.fromkeys(requests))
    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = [pool.submit(ask, each) for each in distinct]
        yield
        for each in answers:
            each.result()


def forget() -> None:
    """Forget all answers: a new run begins."""
    _ask.cache_clear()


def configures(name: str, file: str = "") -> bool:
    """Return whether the configuration has lines for this name, apart from those for all names."""
    other = "selvedge-unknown-name"
    mine, general = (ask(Request(each, file=file)) for each in (name, other))
    shown = {option: tuple(value.replace(other, name) for value in values) for option, values in general.items()}
    # ControlPath usually has a hash of the name in it (%C).
    return {**mine, "controlpath": ()} != {**shown, "controlpath": ()}


@functools.cache
def _ask(request: Request, home: str, program: str) -> Options:
    if request.file:
        _check_file(request)
    if not program:
        return _by_paramiko(request, home, "Your machine has no ssh program")
    own = Path(request.file or f"{home}/.ssh/config")
    if home == home_of_database() or (request.file and not own.is_file()):
        done = _run(request, _command(request, program, request.file), subprocess.DEVNULL)
    else:
        # A file, because ssh opens its configuration a second time for Match final.
        with tempfile.TemporaryFile() as configuration:
            configuration.write(_configuration(home, own, Path("/") if request.file else SYSTEM_FILE))
            configuration.seek(0)
            done = _run(request, _command(request, program, "/dev/stdin"), configuration)
    words = done.stderr.decode("utf-8", "replace").replace("/dev/stdin", str(own))
    options = _parsed(done.stdout.decode("utf-8", "surrogateescape"))
    if "hostname" in options:
        return options
    if "No user exists for uid" in words:
        return _by_paramiko(request, home, "Your user is not in the user database, without which ssh does not run")
    if re.search(r"(unknown|illegal|invalid) option -- '?G", words):
        return _by_paramiko(request, home, "Your ssh program does not know the option -G")
    raise _refused(request, words)


def _check_file(request: Request) -> None:
    """Raise UsageError for a file of `fab -S` that ssh would read without end, such as a pipe."""
    try:
        read_bytes(Path(request.file))
    except LocalFileError as error:
        raise UsageError(f"{request.name}: -S: {request.file} {error}.", error.remedy or "Name an ssh_config file.") from None


def _run(request: Request, command: Sequence[str], standard_input: int | IO[bytes]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, stdin=standard_input, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"{request.name}: `ssh -G {request.name}` did not answer within {SECONDS} s.",
            "Check the commands of its Match exec lines, and your name servers if it has CanonicalizeHostname.",
        ) from None


def _command(request: Request, program: str, file: str) -> Sequence[str]:
    options = ["-F", file] if file else []
    options += ["-l", request.user] if request.user else []
    options += ["-p", str(request.port)] if request.port else []
    return [program, "-G", *options, "--", request.name]


def _parsed(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(" ")
        found[name.lower()] = (*found.get(name.lower(), ()), value)
    return found


def _refused(request: Request, words: str) -> UsageError:
    noise = ("Pseudo-terminal", "terminating,")
    lines = [line.strip() for line in words.splitlines() if not any(each in line for each in noise)]
    said = "; ".join(filter(None, lines)).rstrip(".") or "it gave no reason"
    return UsageError(
        f"{request.name}: ssh cannot use its configuration: {said}.",
        f"Correct it until `ssh -G {request.name}` shows no error.",
    )


def _configuration(home: str, own: Path, system: Path) -> bytes:
    """Return a user's own and the system's configuration with the paths of HOME, which ssh does not read."""
    lines = own.read_text("utf-8", "surrogateescape").splitlines() if own.is_file() else []
    text = "".join(f"{_with_home(line, home)}\n" for line in lines)
    text += f"Match all\nInclude {system}\n" if system.is_file() else ""
    text += f'Match all\nUserKnownHostsFile "{home}/.ssh/known_hosts" "{home}/.ssh/known_hosts2"\n'
    return text.encode("utf-8", "surrogateescape")


def home_of_database() -> str:
    """Return the home folder in the user database, "" if the user is not in it."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _with_home(line: str, home: str) -> str:
    """Return a line with the paths that it has below the home folder HOME. ssh replaces `~` in these options (ssh_config(5))."""
    if _PATHS.match(line):
        return re.sub(r'(?<=[\s=])(?:"~(/[^"]*)"|~(/\S*))', lambda path: f'"{home}{path[1] or path[2]}"', line)
    found = _INCLUDE.match(line)
    if not found:
        return line
    paths = [path.strip('"') for path in re.findall(r'"[^"]*"|\S+', found[2])]
    full = [home + path[1:] if path.startswith("~/") else str(Path(home, ".ssh", path)) for path in paths]
    return found[1] + " ".join(f'"{path}"' for path in full)


def _by_paramiko(request: Request, home: str, why: str) -> Options:
    """Return the options as paramiko reads them. Raises UsageError."""
    from paramiko.config import SSHConfig
    from paramiko.ssh_exception import ConfigParseError, CouldNotCanonicalize

    files = [Path(request.file)] if request.file else [Path(home, ".ssh/config"), SYSTEM_FILE]
    config = SSHConfig()
    # paramiko asks for the user's name, which a user of a container may not have.
    os.environ.setdefault("LOGNAME", user_name())
    try:
        for path in (path for path in files if request.file or path.is_file()):
            config.parse(path.read_text("utf-8", "replace").splitlines())
        found = config.lookup(request.name)
    except (OSError, ConfigParseError, CouldNotCanonicalize, KeyError, ValueError) as error:
        remedy = "Install OpenSSH's ssh, which reads all of it: `sudo apt-get install openssh-client`."
        raise UsageError(f"{request.name}: {files[0]} is not readable: {error}.", remedy) from None
    options = {name: tuple(value) if isinstance(value, list) else (str(value),) for name, value in found.items() if value}
    if request.user:
        options["user"] = (request.user,)
    if request.port:
        options["port"] = (str(request.port),)
    if any(path.is_file() for path in files[:1]):
        options["note"] = (UNKNOWN.format(why=why, file=files[0]),)
    return options
