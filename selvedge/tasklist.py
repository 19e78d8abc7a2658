"""Changes to Fabric and Invoke that no setting of theirs makes, applied when the fabfile is loaded.

`fab --list` has the order of the tutorial instead of the alphabet. Wrong usage ends with status 2 instead of 1. An
ssh_config that is not readable ends with a message instead of a traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import invoke.parser.parser
from fabric import Config, Task
from fabric.main import Fab
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from paramiko.ssh_exception import ConfigParseError

from selvedge.startup import stop_collecting_garbage


def install(tasks: Sequence[Task]) -> None:
    """List these tasks first and in this order, and have Invoke's parser end as `wrong_usage` says."""
    stop_collecting_garbage()
    parser: Any = invoke.parser.parser
    parser.ParseError = wrong_usage
    argument: Any = Argument
    argument.set_value = _checked_value(argument.set_value)
    rank = {task.name: number for number, task in enumerate(tasks)}
    make_pairs = Fab._make_pairs

    def in_order(self: Fab, *arguments: Any, **keywords: Any) -> list[tuple[str, str | None]]:
        pairs = make_pairs(self, *arguments, **keywords)
        return sorted(pairs, key=lambda pair: rank.get(pair[0].split()[0], len(rank)))

    Fab._make_pairs = in_order
    Config._load_ssh_file = _checked_ssh_config(Config._load_ssh_file)


def _checked_value(set_value: Callable[..., None]) -> Callable[..., None]:
    """Make a flag's value that should be a number wrong usage; Invoke raises ValueError."""

    def checked(self: Argument, value: Any, cast: bool = True) -> None:
        try:
            set_value(self, value, cast)
        except ValueError:
            raise wrong_usage(f"--{(self.name or '').replace('_', '-')} takes a number, and {value!r} is none.") from None

    return checked


def _checked_ssh_config(load: Callable[..., None]) -> Callable[..., None]:
    """Make an ssh_config that is not readable end with a message that names it."""

    def checked(self: Config, path: str) -> None:
        try:
            load(self, path)
        except (ConfigParseError, OSError, ValueError) as error:
            raise Exit(
                f"{path} cannot be read: {error}.\nCorrect it, or name another one: fab -S FILE …. "
                "Some of OpenSSH's directives are unknown to paramiko.",
                2,
            ) from None

    return checked


def wrong_usage(message: str, context: object = None) -> Exit:  # noqa: ARG001
    """Return the end of the program for wrong usage. It has the signature of Invoke's ParseError."""
    hint = "`fab --list` shows all tasks, `fab --help TASK` the flags of one."
    return Exit(f"{message}\n{hint}", 2)
