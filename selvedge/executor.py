"""Fabric's executor for Selvedge: hosts of hosts.toml become servers, and steps run on all of them at once."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import fabric
from fabric.tasks import ConnectionCall
from invoke.exceptions import Exit, Failure
from invoke.tasks import Call

from selvedge.errors import SelvedgeError, UsageError
from selvedge.startup import collect_garbage
from selvedge.task import Operation, Step
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.run import Run


class Executor(fabric.Executor):
    """Fabric's executor, which runs steps and operations by the engine and everything else as Fabric would."""

    def execute(self, *tasks: Any) -> dict[Any, Any]:
        """Run the tasks of one command line in their order, over one connection a host.

        If a task fails, exit with the status that docs/operations.md lists; print a traceback only with --debug.
        """
        calls = self.normalize(tasks)
        if not any(isinstance(call.task, Step | Operation) for call in calls):
            collect_garbage()
            return self._plain(*tasks)
        try:
            self._run(calls, tasks)
        except SelvedgeError as error:
            self._fail(error)
        except KeyboardInterrupt:
            print(
                "\nInterrupted. What was running on a server ends there by itself, whole or taken back.",
                file=sys.stderr,
            )
            sys.exit(1)
        except (Exit, Failure):
            raise  # fab itself shows how a plain task ended
        except Exception as error:
            self._fail(fault(error))
        return {}

    def _plain(self, *tasks: Any) -> dict[Any, Any]:
        try:
            results: dict[Any, Any] = super().execute(*tasks)
        except SelvedgeError as error:
            self._fail(error)
        return results

    def _run(self, calls: list[Call], tasks: tuple[Any, ...]) -> None:
        from selvedge.run import Run

        hosts = [name for name in (self.core[0].args.hosts.value or "").split(",") if name]
        flags = self._flags(calls)
        groups = _chains(list(zip(calls, flags, tasks, strict=True)))
        run = Run.load(hosts, self.config)
        for group in groups:
            if isinstance(group, Chain):
                run.check(group.tasks, group.options)
        if isinstance(groups[0], Chain):
            run.fleet.connect()
        collect_garbage()
        try:
            for group in groups:
                if isinstance(group, Chain):
                    run.chain(group.tasks, group.options)
                else:
                    self._single(run, *group)
        finally:
            run.close()

    def _single(self, run: Run, call: Call, options: dict[str, Any], task: Any) -> None:
        """Run a task that is not part of a chain: an operation, the work that a step's flag asks for, or a plain task."""
        if isinstance(call.task, Step):
            next(work for flag, work in call.task.instead.items() if options.get(flag))(run)
        elif isinstance(call.task, Operation):
            call.task.operate(run, **options)
        else:
            self._plain(task)

    def _flags(self, calls: list[Call]) -> list[dict[str, Any]]:
        """Return the flags of each task, with "change nothing" for all tasks if one of them has it.

        In `fab setup deploy --dry-run` Invoke gives it to `deploy` alone. Raises UsageError where a task does not know it.
        """
        # Fabric's own --dry would answer every command with success and still upload: here it means --dry-run.
        wanted = {"dry_run"} if self.config.run.dry else set()
        wanted |= {name for name in ("dry_run", "script") for call in calls if call.kwargs.get(name)}
        if len(wanted) > 1:
            raise UsageError("--dry-run and --script cannot be given together.", "Both change nothing; choose one.")
        for name in wanted:
            for call in calls:
                if isinstance(call.task, Step | Operation) and name not in call.kwargs:
                    flag = f"--{name.replace('_', '-')}"
                    raise UsageError(
                        f"{flag} holds for all tasks of a command line, and {call.task.name} does not know it.",
                        f"Type a command of its own for {call.task.name}.",
                    )
        return [call.kwargs | {name: True for name in wanted if name in call.kwargs} for call in calls]

    def _fail(self, error: SelvedgeError) -> None:
        from selvedge.report import Report

        if os.environ.get("SELVEDGE_DEBUG") or self.core[0].args.debug.value:
            traceback.print_exc()
        Report().error(error)
        sys.exit(error.status)

    def normalize_hosts(self, hosts: Any) -> list[dict[str, Any]]:
        """Return the hosts that names of hosts.toml mean, for plain Fabric tasks of the user."""
        names = [value for value in hosts or [] if isinstance(value, str)]
        if not names:
            return list(super().normalize_hosts(hosts))
        from selvedge.config.load import load

        return [{"host": host} for host in load().select(names)]

    def parameterize(self, call: Call, connection_init_kwargs: dict[str, Any]) -> Call:
        """Run a plain Fabric task on a server of hosts.toml; a task of Invoke has no server."""
        if not isinstance(connection_init_kwargs["host"], str) and isinstance(call.task, fabric.Task):
            return call.clone(into=ServerCall, with_={"init_kwargs": connection_init_kwargs})
        return call


class Chain(Value):
    """Steps that follow each other on the command line, with the flags of all of them together."""

    tasks: tuple[Step, ...]
    options: Mapping[str, Any]


Item = tuple[Call, dict[str, Any], Any]
"""A task of the command line: Invoke's call, its flags, and what Invoke was given."""


def _chains(items: Sequence[Item]) -> list[Chain | Item]:
    """Return the tasks of a command line, with steps that follow each other put together as chains.

    Raises UsageError if two steps of a chain have different values for the same flag.
    """
    found: list[Chain | Item] = []
    for call, options, task in items:
        if not isinstance(call.task, Step) or any(options.get(flag) for flag in call.task.instead):
            found.append((call, options, task))
            continue
        last = found[-1] if found else None
        chain = last if isinstance(last, Chain) else Chain((), {})
        given = {name: value for name, value in options.items() if value}
        for name in sorted(given.keys() & chain.options.keys()):
            if chain.options[name] != given[name]:
                flag, values = f"--{name.replace('_', '-')}", f"{chain.options[name]} and {given[name]}"
                raise UsageError(f"{flag} has two values: {values}.", "Give the one that is meant.")
        found = [*(found[:-1] if chain is last else found), Chain((*chain.tasks, call.task), {**chain.options, **given})]
    return found


def fault(error: Exception) -> SelvedgeError:
    """Return the error of a fault in Selvedge itself, or in a task of the user."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    place = f"{frame.f_code.co_filename}, line {line}"
    return SelvedgeError(
        f"This should not have happened: {type(error).__name__}: {error} ({place}).",
        "`fab --debug …` shows all of it. If that file is none of yours, please report it: it is a fault of Selvedge.",
    )


class ServerCall(ConnectionCall):
    """A call of a plain Fabric task on a server of hosts.toml, logged in as its user, with its host key checked."""

    def make_context(self, config: fabric.Config) -> fabric.Connection:
        """Return the connection that the task gets. Raises UnreachableError."""
        from selvedge.ssh.connection import Credentials, Remote

        return Remote(self.init_kwargs["host"], config, Credentials()).connection
