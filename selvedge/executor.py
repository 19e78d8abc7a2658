"""Fabric's executor for Selvedge: it runs steps and operations on the servers of hosts.toml."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import fabric
from fabric.tasks import ConnectionCall
from invoke.exceptions import Exit, Failure
from invoke.tasks import Call

from selvedge.errors import SelvedgeError, UsageError
from selvedge.shell.quoting import quote
from selvedge.startup import collect_garbage
from selvedge.task import Operation, Step
from selvedge.tasklist import empty_flag, is_empty
from selvedge.value import Value

if TYPE_CHECKING:
    from selvedge.operations.run_report import RunPage
    from selvedge.run import Run


LARGEST_NUMBER = 1_000_000_000
"""The largest value of a flag that takes a number."""


class Executor(fabric.Executor):
    """Fabric's executor. The engine runs steps and operations; Fabric runs all other tasks."""

    def execute(self, *tasks: Any) -> dict[Any, Any]:
        """Run the tasks of a command line in their order, over one connection to each host.

        If a task fails, exit with the status of its error; print a traceback only with --debug.
        """
        self._check_core()
        calls = self.normalize(tasks)
        if not any(isinstance(call.task, Step | Operation) for call in calls):
            collect_garbage()
            return self._plain(*tasks)
        try:
            self._run(calls, tasks)
        except SelvedgeError as error:
            self._fail(error)
        except KeyboardInterrupt:
            print(file=sys.stderr)  # below the terminal's ^C
            self._fail(_interrupted(calls))
        except (Exit, Failure):
            raise  # Fabric prints the result of a plain task.
        except Exception as error:
            self._fail(_interrupted(calls) if _by_ctrl_c(error) else fault(error))
        return {}

    def _check_core(self) -> None:
        """Refuse an empty value of Fabric's own flags, which it reads before it loads the fabfile. Raises Exit."""
        for argument in self.core[0].args.values():
            given = argument.value if argument.got_value else None
            values = given if isinstance(given, list) else [given]
            if "hosts" in argument.names and isinstance(given, str):
                values = given.split(",")
            if any(is_empty(value) for value in values):
                raise Exit(empty_flag(argument), 2)
        if self.core.remainder:
            remedy = f"Run it on its own: `fab run --command {quote(self.core.remainder)}`."
            raise Exit(f"fab does not run the command after `--` together with tasks.\n{remedy}", 2)

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
        page = _page(self.core[0].args.hosts.value or "", calls, flags)
        run = Run.load(hosts, self.config, page.recording() if page else None)
        if not any(options.get(name) for options in flags for name in ("json", "script")):
            run.name_hosts_file()
            run.name_outdated_copies()
        # doctor reports such files as a result, and config contacts no server.
        if any(call.task.name not in ("doctor", "config") for call in calls):
            run.check_named_files()
        for group in groups:
            if isinstance(group, Chain):
                run.check(group.tasks, group.options)
        if isinstance(groups[0], Chain):
            run.fleet.connect()
        collect_garbage()
        try:
            with page.written(run, lambda error: _caught(calls, error)) if page else nullcontext():
                for group in groups:
                    if isinstance(group, Chain):
                        run.chain(group.tasks, group.options)
                    else:
                        self._single(run, *group)
        finally:
            run.close()
        run.report.check_written()

    def _single(self, run: Run, call: Call, options: dict[str, Any], task: Any) -> None:
        """Run a task that is not part of a chain: an operation, a step with a flag of `Step.instead`, or a plain task."""
        if isinstance(call.task, Step):
            run.flags = options
            next(work for flag, work in call.task.instead.items() if options.get(flag))(run)
        elif isinstance(call.task, Operation):
            call.task.operate(run, **options)
        else:
            self._plain(task)

    def _flags(self, calls: list[Call]) -> list[dict[str, Any]]:
        """Return the flags of each task. If one task has --dry-run or --script, all tasks get it.

        Invoke gives the flag in `fab setup deploy --dry-run` to `deploy` only. Raises UsageError if a task does not have it.
        """
        # With Fabric's own --dry, every command would succeed unexecuted, but uploads would be made.
        wanted = {"dry_run"} if self.config.run.dry else set()
        wanted |= {name for name in ("dry_run", "script") for call in calls if call.kwargs.get(name)}
        if len(wanted) > 1:
            raise UsageError("--dry-run and --script cannot be given together.", "Use only one of them.")
        for name in wanted:
            for call in calls:
                if isinstance(call.task, Step | Operation) and name not in call.kwargs:
                    flag = f"--{name.replace('_', '-')}"
                    raise UsageError(
                        f"{flag} applies to all tasks of a command, and {call.task.name} does not have it.",
                        f"Run {call.task.name} in a command of its own.",
                    )
        _check_numbers(calls)
        return [call.kwargs | {name: True for name in wanted if name in call.kwargs} for call in calls]

    def _fail(self, error: SelvedgeError) -> None:
        from selvedge.report import Report

        if os.environ.get("SELVEDGE_DEBUG") or self.core[0].args.debug.value:
            traceback.print_exc()
        Report().error(error)
        sys.exit(error.status)

    def normalize_hosts(self, hosts: Any) -> list[dict[str, Any]]:
        """Return the hosts of hosts.toml with these names, for the user's own Fabric tasks."""
        names = [value for value in hosts or [] if isinstance(value, str)]
        if not names:
            return list(super().normalize_hosts(hosts))
        from selvedge.run import Run

        return [{"host": session.target.host} for session in Run.load(names, self.config).fleet.sessions]

    def expand_calls(self, calls: Any, apply_hosts: bool = True) -> list[Any]:
        """Run a task of Invoke once, whatever the hosts are: it runs on no server, and may not need hosts.toml."""
        found: list[Any] = [] if calls else super().expand_calls(calls, apply_hosts)
        for call in calls:
            task = call.task if isinstance(call, Call) else call
            found += super().expand_calls([call], apply_hosts and isinstance(task, fabric.Task))
        return found

    def parameterize(self, call: Call, connection_init_kwargs: dict[str, Any]) -> Call:
        """Run a plain Fabric task on a server of hosts.toml."""
        if not isinstance(connection_init_kwargs["host"], str):
            return call.clone(into=ServerCall, with_={"init_kwargs": connection_init_kwargs})
        return call


class Chain(Value):
    """Consecutive steps of a command line, with all of their flags."""

    tasks: tuple[Step, ...]
    options: Mapping[str, Any]


Item = tuple[Call, dict[str, Any], Any]
"""A task of the command line: Invoke's call, its flags, and Invoke's own argument for it."""


def _check_numbers(calls: Sequence[Call]) -> None:
    """Raise UsageError for a number that no program on a server could use."""
    for call in calls:
        options = call.task.options if isinstance(call.task, Step | Operation) else ()
        for option in options:
            value = call.kwargs.get(option.name)
            if type(value) is int and value != option.default and not 0 <= value <= LARGEST_NUMBER:
                flag = f"--{option.name.replace('_', '-')}"
                raise UsageError(f"{flag} must be at least 0 and at most {LARGEST_NUMBER}, not {value}.", f"Correct {flag}.")


def _chains(items: Sequence[Item]) -> list[Chain | Item]:
    """Return the tasks of a command line, with consecutive steps combined to chains.

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
                raise UsageError(f"{flag} has two values: {values}.", "Use only one of them.")
        found = [*(found[:-1] if chain is last else found), Chain((*chain.tasks, call.task), {**chain.options, **given})]
    return found


def _page(hosts: str, calls: Sequence[Call], flags: Sequence[Mapping[str, Any]]) -> RunPage | None:
    """Return the page that `--report` asks for, None without that flag. hosts: the value of -H. Raises UsageError."""
    if not any(each.get("report") for each in flags):
        return None
    from selvedge.operations.run_report import wanted_page

    return wanted_page(hosts, [str(call.task.name) for call in calls], flags)


def _caught(calls: Sequence[Call], error: BaseException) -> SelvedgeError | None:
    """Return the error that a user sees for an exception that is none of Selvedge's; None if the run just ends."""
    if _by_ctrl_c(error):
        return _interrupted(calls)
    if isinstance(error, Exit | Failure):
        return SelvedgeError(str(error))
    return fault(error) if isinstance(error, Exception) else None


def fault(error: Exception) -> SelvedgeError:
    """Return the error for an exception that Selvedge, or a task of the user, did not expect."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    place = f"{frame.f_code.co_filename}, line {line}"
    return SelvedgeError(
        f"Unexpected error: {type(error).__name__}: {error} ({place}).",
        "Run the command with `fab --debug` to see the traceback. If the file is not yours, please report the error: it is a "
        "bug in Selvedge.",
    )


def _by_ctrl_c(error: BaseException | None) -> bool:
    """Return whether Ctrl-C led to an exception. A second Ctrl-C can interrupt code that releases a lock after the first."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _interrupted(calls: Sequence[Call]) -> SelvedgeError:
    """Return the error for Ctrl-C."""
    if not any(isinstance(call.task, Step) for call in calls):
        return SelvedgeError("Interrupted.")
    return SelvedgeError(
        "Interrupted. If a step was running on a server, the server completes or undoes it.",
        "Run the same command again to continue.",
    )


class ServerCall(ConnectionCall):
    """A call of a plain Fabric task on a server of hosts.toml, logged in as its user, with its host key checked."""

    def make_context(self, config: fabric.Config) -> fabric.Connection:
        """Return the connection that the task gets. Raises UnreachableError."""
        from selvedge.ssh.connection import Credentials, Remote

        return Remote(self.init_kwargs["host"], config, Credentials()).connection
