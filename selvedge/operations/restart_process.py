"""`fab restart --process NAME`: restart a process of the live release, and leave its web process alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.operations.support.process_name import check_process_name
from selvedge.release.live import releases_query
from selvedge.release.record import Releases
from selvedge.resources.base import Change, Resource
from selvedge.resources.restores import NotHalfRestored
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.task import Step


class Restarted(Resource):
    """A process of the live release, started again. word: a word for this restart, which the server keeps once it is done."""

    app: Target
    process: str
    word: str

    def probe(self) -> str:
        return f"{releases_query(self.app)}\n{call('processes_restarted', self.process, given=self.app.shell_values)}"

    def plan(self, fact: str) -> Change | None:
        """Return the change. Raises SelvedgeError if the live release has no such process."""
        host, found = self.app.host.name, Releases.parse(fact)
        if f"restarted {self.word}" in fact.splitlines():
            return None
        if not found.live:
            raise SelvedgeError(f"{host}: there is no live release to restart.", f"Run `fab -H {host} deploy` first.")
        process = next((each for each in found.processes if each.name == self.process), None)
        if process is None:
            names = ", ".join(each.name for each in found.processes)
            problem = f"{host}: the live release {found.live} has no process {self.process}{f', only {names}' if names else ''}."
            raise SelvedgeError(problem, f"Add it to [processes] in hosts.toml, then run `fab -H {host} deploy`.")
        if process.count == 0:
            return None
        given = {**self.app.shell_values, **self.app.settle_values}
        shell = call("changeover_restart", found.live, self.process, self.word, given=given)
        remedy = f"Run `fab -H {host} logs --process {self.process}` to see its log."
        return Change(f"restart the process {self.process} of {found.live}", shell, remedy=remedy, noted=True)


def restart_process(run: Run, process: str, flags: Mapping[str, Any]) -> None:
    """Restart this process of the live release on every host. Raises UsageError for a name that no process has; SelvedgeError."""
    check_process_name(process)
    word = f"{time.time_ns():x}"

    def body(app: Target) -> Iterator[Resource]:
        if app.backup.to:
            yield NotHalfRestored.of(app)
        yield Restarted(app, process, word)

    run.of_app().chain([Step(body, name="restart")], flags)
