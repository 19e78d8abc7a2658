"""Variables that the start of the app needs for itself, and how large the app's variables may be."""

from __future__ import annotations

from collections.abc import Mapping

from selvedge.shell.quoting import split_words

_UNUSED = "Delete the line, or give the variable another name."
_SHELL = "is a variable of the shell, which starts the app"
_SYSTEMD = "is set by systemd for the services that it starts"
_GUNICORN = "is set by gunicorn itself when it starts again"
_PYTHON = "decides where Python finds its own modules, so the app could not start"
_REFUSED: Mapping[str, tuple[str, str]] = {
    # dash stops at a value of OPTIND that is not a number; bash stops at its read-only variables. IFS splits words.
    **dict.fromkeys(("OPTIND", "IFS", "PS4", "PPID", "LINENO", "SHELLOPTS", "BASHOPTS"), (_SHELL, _UNUSED)),
    # sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3), systemd.exec(5).
    **dict.fromkeys(("LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"), (_SYSTEMD, _UNUSED)),
    **dict.fromkeys(("WATCHDOG_PID", "WATCHDOG_USEC", "MAINPID", "MANAGERPID", "INVOCATION_ID"), (_SYSTEMD, _UNUSED)),
    **dict.fromkeys(("JOURNAL_STREAM", "SYSTEMD_EXEC_PID"), (_SYSTEMD, _UNUSED)),
    **dict.fromkeys(("GUNICORN_FD", "GUNICORN_PID"), (_GUNICORN, _UNUSED)),
    **dict.fromkeys(("PYTHONHOME", "PYTHONPLATLIBDIR"), (_PYTHON, "Delete the line.")),
    # Python would ask for input after an error and then exit with 0; its notes would hide the error.
    **dict.fromkeys(("PYTHONINSPECT", "PYTHONVERBOSE"), ("would hide from Selvedge why the app fails", "Delete the line.")),
    "WEB_CONCURRENCY": ("would have no effect", "Delete the line, and set app.workers in hosts.toml."),
}
_FIGHTING = ("daemon", "pid", "user", "group", "umask", "chdir", "bind", "reload", "check-config", "print-config")
"""Options of gunicorn that the process manager or the start script decides."""
_SHORT = {"-D": "daemon", "-p": "pid", "-u": "user", "-g": "group", "-m": "umask", "-b": "bind"}

LARGEST_VARIABLE = 128 * 1024
"""Bytes of `NAME=value` with its final NUL (execve(2), MAX_ARG_STRLEN)."""
LARGEST_ENVIRONMENT = 1024 * 1024
"""Bytes of all variables, with 8 for each pointer. Linux starts a program with 2 MiB of arguments and variables (execve(2))."""


def refusal(name: str, value: str) -> tuple[str, str] | None:
    """Return why the app cannot have a variable of this name or size, and the remedy; None if it can. Neither has the value."""
    if name in _REFUSED:
        problem, remedy = _REFUSED[name]
        return f"{name} {problem}", remedy
    if name == "GUNICORN_CMD_ARGS" and (option := _fighting_option(value)):
        return f"{name} has gunicorn's option --{option}, which Selvedge sets itself", "Delete the option from the value."
    if (size := _size(name, value)) > LARGEST_VARIABLE:
        remedy = "Put the value into a file in the app's shared folder, and give the app its path."
        return f"{name} has {size} bytes, and Linux starts no program with a variable of more than {LARGEST_VARIABLE}", remedy
    return None


def total_refusal(values: Mapping[str, str]) -> tuple[str, str] | None:
    """Return why the app cannot have all these variables together, and the remedy; None if it can."""
    sizes = {name: _size(name, value) + 8 for name, value in values.items()}
    if (total := sum(sizes.values())) <= LARGEST_ENVIRONMENT:
        return None
    largest = sorted(sizes, key=lambda name: sizes[name], reverse=True)[:3]
    shown = ", ".join(f"{name} ({sizes[name] - 8})" for name in largest)
    problem = f"the variables have {total} bytes together, and may have {LARGEST_ENVIRONMENT}; the largest: {shown}"
    return problem, "Put large values into files in the app's shared folder, and give the app their paths."


def _size(name: str, value: str) -> int:
    return len(f"{name}={value}".encode()) + 1


def _fighting_option(arguments: str) -> str:
    """Return the first option of `_FIGHTING` in gunicorn's arguments, "" without one. argparse accepts shortened options."""
    for word in split_words(arguments):
        long = word.partition("=")[0].removeprefix("--") if word.startswith("--") else _SHORT.get(word[:2], "")
        if found := next((option for option in _FIGHTING if len(long) > 1 and option.startswith(long)), ""):
            return found
    return ""
