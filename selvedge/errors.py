"""What can go wrong, as a user is told it, and the exit status that each kind ends with.

Nothing heavy is imported here: `fab --list` passes through this module.
"""

from __future__ import annotations

from collections.abc import Sequence

from selvedge.value import Value


class SelvedgeError(Exception):
    """A failure with a message for a person: `message` says what happened, `remedy` what to do now.

    `status` is the exit status of the whole run: 1 failed, 2 wrong usage or configuration, 3 locked, 4 unreachable.
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
    """The command line asks for something that cannot be; nothing was contacted."""

    status = 2


class LockedError(SelvedgeError):
    """Another run holds the lock of this app on this server."""

    status = 3


class UnreachableError(SelvedgeError):
    """A host could not be reached or logged in to."""

    status = 4


class Pending(Exception):
    """A step needs a fact that the server does not have yet (e.g. the commit, before git is installed)."""


class StepError(SelvedgeError):
    """A step failed on a server."""

    status = 1


class Problem(Value):
    """One wrong setting: where it stands (`file`, `key`), what is wrong with it, what would be right."""

    file: str
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".rstrip()

    @property
    def sentence(self) -> str:
        """Where, and what is wrong; without the remedy."""
        where = f"{self.file}: {self.key}: " if self.key else f"{self.file}: "
        end = "" if self.problem.endswith((".", "?")) else "."
        return f"{where}{self.problem}{end}"


class ConfigError(SelvedgeError):
    """A setting that is missing, unknown, of the wrong type or dangerous; nothing was contacted.

    `problems` holds all that were found at once, `file`, `key` and `problem` are those of the first. With several of
    them the message has a line for each, its remedy included, and `remedy` is empty.
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
        """One error for all of `problems` (at least one), in their order."""
        first, *more = problems
        return cls(first.file, first.key, first.problem, first.remedy, more=more)
