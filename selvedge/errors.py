"""The errors that users see, with their exit status. `fab --list` loads this module, so it imports nothing slow."""

from __future__ import annotations

from collections.abc import Sequence

from selvedge.value import Value


class SelvedgeError(Exception):
    """A failure. `message`: what happened and why, in sentences. `remedy`: the next step, with a command to run.

    status: the exit status of the run: 1 failed, 2 wrong usage or configuration, 3 locked, 4 unreachable.
    """

    status: int = 1

    def __init__(self, message: str, remedy: str = "", *, status: int | None = None) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(SelvedgeError):
    """The command line is wrong. No server was contacted."""

    status = 2


class LockedError(SelvedgeError):
    """Another run has the lock of the app on a server."""

    status = 3


class UnreachableError(SelvedgeError):
    """No connection to a host, or no login."""

    status = 4


class Pending(Exception):
    """A step needs a fact that an earlier step makes known, e.g. the commit before git is installed."""


class StepError(SelvedgeError):
    """A step failed on a server."""

    status = 1


class Problem(Value):
    """A wrong setting: its file and key, the problem, and the remedy."""

    file: str
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".rstrip()

    @property
    def sentence(self) -> str:
        """The problem without the remedy."""
        where = f"{self.file}: {self.key}: " if self.key else f"{self.file}: "
        end = "" if self.problem.endswith((".", "?")) else "."
        return f"{where}{self.problem}{end}"


class ConfigError(SelvedgeError):
    """Settings that are missing, unknown, of the wrong type or dangerous. No server was contacted.

    file, key, problem: of the first problem. With several problems, the message has a line for each, with its remedy, and
    `remedy` is empty.
    """

    status = 2

    def __init__(self, file: str, key: str, problem: str, remedy: str = "", *, more: Sequence[Problem] = ()) -> None:
        first = Problem(file, key, problem, remedy)
        self.problems: tuple[Problem, ...] = (first, *more)
        self.file, self.key, self.problem = file, key, problem
        if more:
            super().__init__("\n".join(str(each) for each in self.problems))
        else:
            super().__init__(first.sentence, remedy)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> ConfigError:
        """Return one error for all of `problems` (at least one)."""
        first, *more = problems
        return cls(first.file, first.key, first.problem, first.remedy, more=more)
