"""Steps, chains and operations as Fabric tasks. Every step has the flags in the first line of Step.__init__."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Union

from fabric import Task

from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.config.target import Target
    from selvedge.resources.base import Resource

Body = Callable[["Target"], Iterator[Union["Resource", "Step"]]]


class Option(Value):
    """A flag of a task. `default` decides its type: False for a switch, "" for a word, 0 for a number."""

    name: str
    help: str
    default: str | bool | int = False


DRY_RUN = Option("dry_run", "Show the changes as diffs, and change nothing.")
DIFF = Option("diff", "Show the text of new files, too.")
SCRIPT = Option("script", "Print the shell script that would run; change nothing.")
REPORT = Option("report", "Write a page of the run: FILE.html.", "")
WAIT = Option("wait", "Wait this many seconds if another run holds the lock.", 0)
SKIP = Option("skip_unreachable", "Leave out servers that cannot be reached.")
COMMIT = Option("commit", "Release this commit: a full or short SHA, or a tag.", "")
BRANCH = Option("branch", "Release the newest commit of this branch.", "")
IMAGE = Option("image", "Run this image of a registry (NAME@sha256:…).", "")


def _help_texts(options: Sequence[Option]) -> dict[str, str]:
    # A name that is a keyword of Python ends with an underscore, which Invoke leaves out.
    return {option.name.strip("_").replace("_", "-"): option.help for option in options}


def _signature(options: Sequence[Option]) -> inspect.Signature:
    """Return a signature with these flags as parameters, from which Fabric makes the task's arguments."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature([inspect.Parameter(option.name, kind, default=option.default) for option in options])


class Step(Task):
    """A Fabric task whose body yields resources or, if it is a chain, steps. Only the Executor calls it.

    phase: steps of the phase "build" run on all hosts at once. The first step of the phase "switch" and all later ones run
    on the hosts in batches.
    drains: the step may interrupt what the server serves, so a backend takes no requests meanwhile ([rollout] drain).
    needs_commit: the run resolves the commit before it reads the step's resources.
    instead: by the name of a flag, a function that runs instead of the step if the flag is given; it gets the Run.
    precondition: checks the step's needs on this machine, and raises ConfigError or UsageError before any server is
    contacted.
    """

    def __init__(
        self,
        body: Body,
        *,
        options: Sequence[Option] = (),
        phase: str = "build",
        chain: bool = False,
        needs_commit: bool = False,
        drains: bool = False,
        instead: Mapping[str, Callable[[Any], None]] | None = None,
        precondition: Callable[[Target], object] | None = None,
        **kwargs: Any,
    ) -> None:
        self.options = (DRY_RUN, DIFF, SCRIPT, WAIT, SKIP, *options)
        self.instead = dict(instead or {})
        self.phase = phase
        self.chain = chain
        self.precondition = precondition
        self.needs_commit = needs_commit
        self.drains = drains
        self.declare = body
        kwargs.setdefault("auto_shortflags", False)
        super().__init__(body, help=_help_texts(self.options), **kwargs)

    def argspec(self, body: Callable[..., Any]) -> inspect.Signature:  # noqa: ARG002
        """Return the task's options as parameters, in place of the body's."""
        return _signature(self.options)

    def parts(self, app: Target) -> list[Step]:
        """Return the steps of a chain in order, or the step itself."""
        if not self.chain:
            return [self]
        found: list[Step] = []
        for item in self.declare(app):
            if not isinstance(item, Step):
                self._mixed()
            found.extend(item.parts(app))
        return found

    def resources(self, app: Target) -> Iterator[Resource]:
        """Yield the resources of a step. Raises Pending after the resources that are known now."""
        for item in self.declare(app):
            if isinstance(item, Step):
                self._mixed()
            else:
                yield item

    def _mixed(self) -> NoReturn:
        raise TypeError(f"{self.name}: a @chain must yield only steps, and a @step only resources")


def step(
    body: Body | None = None,
    *,
    options: Sequence[Option] = (),
    phase: str = "build",
    needs_commit: bool = False,
    drains: bool = False,
    name: str | None = None,
    instead: Mapping[str, Callable[[Any], None]] | None = None,
    precondition: Callable[[Target], object] | None = None,
) -> Any:
    """Make a generator of resources a task of `fab`. The decorator works with and without arguments."""

    def wrap(function: Body) -> Step:
        return Step(
            function, options=options, phase=phase, needs_commit=needs_commit, drains=drains, name=name, instead=instead,
            precondition=precondition,
        )  # fmt: skip

    return wrap if body is None else wrap(body)


def chain(body: Body | None = None, *, options: Sequence[Option] = ()) -> Any:
    """Make a generator of steps and chains a task of `fab`. The decorator works with and without arguments."""

    def wrap(function: Body) -> Step:
        return Step(function, options=options, chain=True)

    return wrap if body is None else wrap(body)


class Operation(Task):
    """A Fabric task that calls `body(run, **options)`: status, logs, releases, …"""

    def __init__(self, body: Callable[..., Any], *, options: Sequence[Option] = (), **kwargs: Any) -> None:
        self.options = tuple(options)
        self.operate = body
        kwargs.setdefault("auto_shortflags", False)
        super().__init__(body, help=_help_texts(self.options), **kwargs)

    def argspec(self, body: Callable[..., Any]) -> inspect.Signature:  # noqa: ARG002
        """Return the task's options as parameters, in place of the body's."""
        return _signature(self.options)


def operation(*options: Option, name: str | None = None) -> Callable[[Callable[..., Any]], Operation]:
    """Make `body(run, **options)` a task of `fab` that works with the hosts of the run."""

    def wrap(body: Callable[..., Any]) -> Operation:
        return Operation(body, options=options, name=name)

    return wrap
