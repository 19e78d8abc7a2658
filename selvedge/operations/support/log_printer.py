"""Print the lines of several servers' logs in the order of their times."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from operator import itemgetter

from selvedge.operations.support.log_lines import readable
from selvedge.report import Report
from selvedge.report.text import Part, Styled
from selvedge.shell.server.logs import Selection, Wishes

Entry = tuple[float, "Host", str, str]
"""The time of a line, its host, its log and its text."""


class Host:
    """The lines that logs.sh sends from one server.

    logs: how many logs it has. missing: why there are none. found: the lines that the logs already had.
    """

    def __init__(self, prefix: Part, logs: int, wishes: Wishes) -> None:
        self.missing: list[str] = []
        self.prefix = prefix
        self.found: dict[str, list[Entry]] = {}
        self.names: set[str] = set()
        self._open = logs
        # Of new lines, those that belong to an error or have the text. Their time is now.
        self._wishes = wishes._replace(since=None, until=None)
        self._selections: dict[str, Callable[[str], list[str]]] = {}

    @property
    def read(self) -> bool:
        """Whether all logs have sent what they already had."""
        return self._open <= 0

    def end(self) -> None:
        """No further lines come."""
        self._open = 0

    def take(self, text: str) -> list[tuple[str, str]]:
        """Take a line of the server; return the new lines of logs that are to be shown, each with the log's name."""
        name, _, rest = text.partition(" ")
        if name == "=":
            self._open -= 1
        elif name == "!":
            self.missing.append(rest)
        elif name == "+":
            return [("app", f"--- {rest} is live now ---")]
        else:
            moment, _, line = rest.partition(" ")
            if moment == "-":
                chosen = self._selection(name)(line)
                return [(name, each) for each in chosen]
            try:
                entry = (float(moment), self, name, line)
            except ValueError:
                return []  # not a line of a log, but for example of a login script
            self.names.add(name)
            self.found.setdefault(name, []).append(entry)
        return []

    def _selection(self, name: str) -> Callable[[str], list[str]]:
        """Return what chooses among the new lines of a log."""
        if name not in self._selections:
            self._selections[name] = Selection(self._wishes)  # type: ignore[no-untyped-call]
        return self._selections[name]


class LogPrinter:
    """Prints what the logs of all hosts already had, merged by time, and then new lines as they come."""

    def __init__(self, report: Report, hosts: Sequence[Host], *, named: bool, raw: bool) -> None:
        self._report, self._hosts = report, hosts
        self._named, self._raw = named, raw
        self._lock = threading.Lock()
        self._merged = False
        self._new: list[tuple[Host, str, str]] = []

    def line(self, host: Host, text: str) -> None:
        """Take a line of a server."""
        with self._lock:
            self._new += [(host, name, line) for name, line in host.take(text)]
            self._print_ready()

    def end(self, host: Host) -> None:
        """Note that a server sends no further lines."""
        with self._lock:
            host.end()
            self._print_ready()

    def _print_ready(self) -> None:
        if not self._merged:
            if not all(host.read for host in self._hosts):
                return
            self._merged = True
            width = max((len(name) for host in self._hosts for name in host.names), default=0)
            several = self._named or any(len(host.names) > 1 for host in self._hosts)
            logs = [entries for host in self._hosts for entries in host.found.values()]
            for _, host, name, line in heapq.merge(*logs, key=itemgetter(0)):
                self._print(host, name.ljust(max(width, 6)) if several else "", line)
            for host in self._hosts:
                host.found.clear()
        for host, name, line in self._new:
            self._print(host, name.ljust(6) if self._named else "", line)
        self._new.clear()

    def _print(self, host: Host, name: str, line: str) -> None:
        if self._raw:
            self._report.line(line)
            return
        for parts in readable(line):
            self._report.line(host.prefix, Styled(f"{name}  ", "dim") if name else "", *parts)
