"""Steps, chains and operations as Fabric tasks. Every step has the flags --dry-run, --script and --wait."""

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
    """A flag of a task on the command line; `default` gives its kind: False a switch, "" a word, 0 a number."""

    name: str
    help: str
    default: str | bool | int = False


DRY_RUN = Option("dry_run", "Show what would change, as diffs, and change nothing.")
SCRIPT = Option("script", "Print the shell that would run, and change nothing.")
WAIT = Option("wait", "Seconds to wait for another run's lock.", 0)
COMMIT = Option("commit", "The commit to release: a SHA (short or whole) or a tag.", "")
BRANCH = Option("branch", "The branch whose newest commit to release.", "")


def _help_texts(options: Sequence[Option]) -> dict[str, str]:
    return {option.name.replace("_", "-"): option.help for option in options}


def _signature(options: Sequence[Option]) -> inspect.Signature:
    """Return the parameters of a body that has these flags, in the form that Fabric asks for."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature([inspect.Parameter(option.name, kind, default=option.default) for option in options])


class Step(Task):
    """A Fabric task whose body yields resources or, if it is a chain, further steps. Only the Executor calls it.

    phase: "build" steps run on all hosts at once; from the first step of phase "switch" on, hosts go in batches.
    needs_commit: the run finds the commit before it reads the step. instead: work that a flag of the step asks for in its
    place, called with the Run. precondition: checks what the step needs of this machine, and raises ConfigError or
    UsageError before any server is contacted.
    """

    def __init__(
        self,
        body: Body,
        *,
        options: Sequence[Option] = (),
        phase: str = "build",
        chain: bool = False,
        needs_commit: bool = False,
        instead: Mapping[str, Callable[[Any], None]] | None = None,
        precondition: Callable[[Target], object] | None = None,
        **kwargs: Any,
    ) -> None:
        self.options = (DRY_RUN, SCRIPT, WAIT, *options)
        self.instead = dict(instead or {})
        self.phase = phase
        self.chain = chain
        self.precondition = precondition
        self.needs_commit = needs_commit
        self.declare = body
        kwargs.setdefault("auto_shortflags", False)
        super().__init__(body, help=_help_texts(self.options), **kwargs)

    def argspec(self, body: Callable[..., Any]) -> inspect.Signature:  # noqa: ARG002
        """Return the flags of the task: its options, not the body's parameter."""
        return _signature(self.options)

    def parts(self, app: Target) -> list[Step]:
        """Return the steps of a chain, in order; for a step, itself."""
        if not self.chain:
            return [self]
        found: list[Step] = []
        for item in self.declare(app):
            if not isinstance(item, Step):
                self._mixed()
            found.extend(item.parts(app))
        return found

    def resources(self, app: Target) -> Iterator[Resource]:
        """Yield the resources of a step. Raises Pending after those that are known already."""
        for item in self.declare(app):
            if isinstance(item, Step):
                self._mixed()
            else:
                yield item

    def _mixed(self) -> NoReturn:
        raise TypeError(f"{self.name}: what yields steps is a @chain, what yields resources a @step, and nothing is both")


def step(
    body: Body | None = None,
    *,
    options: Sequence[Option] = (),
    phase: str = "build",
    needs_commit: bool = False,
    name: str | None = None,
    instead: Mapping[str, Callable[[Any], None]] | None = None,
    precondition: Callable[[Target], object] | None = None,
) -> Any:
    """Make a generator of resources a task of `fab`; usable with and without arguments."""

    def wrap(function: Body) -> Step:
        return Step(
            function, options=options, phase=phase, needs_commit=needs_commit, name=name, instead=instead, precondition=precondition
        )

    return wrap if body is None else wrap(body)


def chain(body: Body | None = None, *, options: Sequence[Option] = ()) -> Any:
    """Make a generator of steps, or of further chains, a task of `fab`; usable with and without arguments."""

    def wrap(function: Body) -> Step:
        return Step(function, options=options, chain=True)

    return wrap if body is None else wrap(body)


class Operation(Task):
    """A Fabric task that works on the hosts of the run with `body(run, **options)`: status, logs, releases, …"""

    def __init__(self, body: Callable[..., Any], *, options: Sequence[Option] = (), **kwargs: Any) -> None:
        self.options = tuple(options)
        self.operate = body
        kwargs.setdefault("auto_shortflags", False)
        super().__init__(body, help=_help_texts(self.options), **kwargs)

    def argspec(self, body: Callable[..., Any]) -> inspect.Signature:  # noqa: ARG002
        """Return the flags of the task: its options, not the body's parameters."""
        return _signature(self.options)


def operation(*options: Option, name: str | None = None) -> Callable[[Callable[..., Any]], Operation]:
    """Make `body(run, **options)` a task of `fab` that reads from or acts on the hosts of the run."""

    def wrap(body: Callable[..., Any]) -> Operation:
        return Operation(body, options=options, name=name)

    return wrap
