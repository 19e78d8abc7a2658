"""How a run of a unit of systemd ended, in words."""

import signal

_STATUSES = {126: "a file of the command cannot be executed", 127: "a program of the command does not exist"}
"""Exit statuses of `sh` (dash(1))."""


def outcome(result: str, status: str, *, timeout: "int | None" = None, memory: str = "app.memory_max") -> str:
    """Return how a run ended. result, status: $SERVICE_RESULT and $EXIT_STATUS (systemd.exec(5)).

    timeout: the seconds that it may take, if they are known. memory: the setting that limits its memory.
    """
    if result == "exit-code":
        return _exited(status)
    if result == "timeout":
        return f"stopped, because it took longer than {timeout} s" if timeout else "stopped, because it took too long"
    if result == "oom-kill":
        return f"killed, because it used more memory than {memory}" if memory else "killed, because it used too much memory"
    if result in ("signal", "core-dump"):
        return _killed(status)
    return {"success": "ok", "": ""}.get(result, result)


def _exited(status: str) -> str:
    number = int(status) if status.isdecimal() else 0
    if number in _STATUSES:
        return f"{_STATUSES[number]} (exit status {status})"
    # `sh` reports in this way that a signal ended the program.
    if number > 128 and (name := _signal_name(number - 128)):
        return f"{_killed(name)} (exit status {status})"
    return f"exit status {status}"


def _killed(name: str) -> str:
    if name == "TERM":
        return "stopped by the signal TERM, for example by `fab stop` or a reboot"
    return f"killed by the signal {name}" + (", perhaps because the server had no memory left" if name == "KILL" else "")


def _signal_name(number: int) -> str:
    try:
        name: str = signal.Signals(number).name
        return name[3:]
    except ValueError:
        return ""
