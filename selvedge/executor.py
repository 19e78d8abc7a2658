"""What `fab` hands its tasks to: names from hosts.toml become servers, steps run on all of them at once."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from itertools import takewhile
from typing import Any

import fabric
from fabric.tasks import ConnectionCall
from invoke.exceptions import Exit, Failure
from invoke.tasks import Call

from selvedge.errors import SelvedgeError, UsageError
from selvedge.task import Operation, Step


class Executor(fabric.Executor):
    """Fabric's executor, which runs steps and operations by the engine and everything else as Fabric would."""

    def execute(self, *tasks: Any) -> dict[Any, Any]:
        """Run the tasks of one command line, in their order, over one connection a host.

        Exits with the status of the contract where one fails; prints no traceback unless --debug.
        """
        calls = self.normalize(tasks)
        if not any(isinstance(call.task, Step | Operation) for call in calls):
            _collect_garbage()
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
            raise  # a plain task's own end, which fab itself shows
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
        run = Run.load(hosts, self.config)
        steps = [(call.task, flags[index]) for index, call in enumerate(calls) if isinstance(call.task, Step)]
        run.prepare(steps)
        if isinstance(calls[0].task, Step):
            run.fleet.connect()
        _collect_garbage()
        try:
            for index, (call, task) in enumerate(zip(calls, tasks, strict=True)):
                if isinstance(call.task, Step):
                    run.step(call.task, flags[index], self._following(calls[index + 1 :], flags[index + 1 :]))
                elif isinstance(call.task, Operation):
                    call.task.operate(run, **flags[index])
                else:
                    self._plain(task)
        finally:
            run.close()

    def _following(self, calls: list[Call], flags: list[dict[str, Any]]) -> list[tuple[Any, dict[str, Any]]]:
        """The steps that come next, with their flags."""
        return list(zip(takewhile(lambda task: isinstance(task, Step), (call.task for call in calls)), flags, strict=False))

    def _flags(self, calls: list[Call]) -> list[dict[str, Any]]:
        """The flags of each task. What says "change nothing" behind one of them is meant for all: in `fab setup deploy
        --dry-run` it reaches only `deploy`. Raises UsageError where a task does not know it."""
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
        """Names from hosts.toml as their hosts, for tasks of your own that are plain Fabric tasks."""
        names = [value for value in hosts or [] if isinstance(value, str)]
        if not names:
            return list(super().normalize_hosts(hosts))
        from selvedge.config.load import load

        return [{"host": host} for host in load().select(names)]

    def parameterize(self, call: Call, connection_init_kwargs: dict[str, Any]) -> Call:
        """A plain Fabric task on a server of hosts.toml; a task that is none of Fabric's has no server."""
        if not isinstance(connection_init_kwargs["host"], str) and isinstance(call.task, fabric.Task):
            return call.clone(into=ServerCall, with_={"init_kwargs": connection_init_kwargs})
        return call


def _collect_garbage() -> None:
    """From now on, of what is made from now on (frontpage.py)."""
    gc.freeze()
    gc.enable()


def fault(error: Exception) -> SelvedgeError:
    """What nobody foresaw: a fault of Selvedge's own, or of a task that somebody wrote."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    place = f"{frame.f_code.co_filename}, line {line}"
    return SelvedgeError(
        f"This should not have happened: {type(error).__name__}: {error} ({place}).",
        "`fab --debug …` shows all of it. If that file is none of yours, please report it: it is a fault of Selvedge.",
    )


class ServerCall(ConnectionCall):
    """A plain Fabric task on a server of hosts.toml: logged in as its user, with its host key checked."""

    def make_context(self, config: fabric.Config) -> fabric.Connection:
        """The connection that the task gets. Raises UnreachableError."""
        from selvedge.ssh.connection import Credentials, Remote

        return Remote(self.init_kwargs["host"], config, Credentials()).connection
