"""The releases on a server, read from their records there."""

from __future__ import annotations

import re

from selvedge.value import Value

_RECORDED = re.compile(r"([^/\s]+)/(?:(state):|record:(\w+) )(.*)")


def original(instance: str) -> str:
    """Return the instance that a restarted one ("…r1") is a copy of; of any other, itself."""
    return instance.partition("r")[0]


class Record(Value):
    """A release's record on the server.

    state: "building", "good", "bad", or "left" (rolled back). at: the time of its last switch, UTC, ISO 8601. heads: the alembic
    revisions that its code needs. database: the revisions of the database when it became live.
    """

    id: str
    state: str
    commit: str = ""
    subject: str = ""
    author: str = ""
    at: str = ""
    by: str = ""
    seconds: str = ""
    heads: str = ""
    database: str = ""

    @property
    def was_live(self) -> bool:
        """Whether it has been live and healthy: a rollback can choose it."""
        return self.state in ("good", "left")


class RunningProcess(Value):
    """A process of the live release ([processes]).

    count: how many of it should run. kept: how many a boot starts, and the process manager keeps running. up: how many of these run
    now. leaving: how many more finish their work. restarts: how often they were started again; 0 if that was not asked.
    """

    name: str
    count: int
    kept: int = 0
    up: int = 0
    leaving: int = 0
    restarts: int = 0

    @classmethod
    def parse(cls, text: str) -> RunningProcess:
        """Read a line of the shell function `processes_fact`, without its first word."""
        name, *numbers = text.split()
        return cls(name, *map(int, numbers[:5]))


class Releases(Value):
    """The releases on a server.

    live: the live release, "" if there is none. listening: whether its socket is open. boots: whether a boot starts it.
    current: the target of the link `current`. records: all releases, sorted by time. running: those whose sockets are open, or that
    have processes. processes: those of the live release. draining: those that still answer open requests after a switch and are
    stopped then. timed: those in which a timer runs now.
    """

    live: str = ""
    listening: bool = False
    boots: bool = True
    current: str = ""
    records: tuple[Record, ...] = ()
    running: tuple[str, ...] = ()
    draining: tuple[str, ...] = ()
    processes: tuple[RunningProcess, ...] = ()
    timed: tuple[str, ...] = ()

    def record(self, instance: str) -> Record | None:
        """Return the record of a release, None if there is none."""
        return next((record for record in self.records if record.id == instance), None)

    @property
    def live_record(self) -> Record:
        """The record of the live release; its id is "" if there is none."""
        return self.record(self.live) or Record(self.live, "good")

    def rolled_back(self, instance: str) -> Record | None:
        """Return the record by which this release, or its commit with other settings, was rolled back; else None."""
        last = self.record(instance)
        if not (last and last.was_live):
            commit = instance[:12]
            same = [each for each in self.records if each.id[:12] == commit and each.was_live]
            last = same[-1] if same and self.live[:12] != commit else None
        return last if last and last.state == "left" else None

    @classmethod
    def parse(cls, fact: str) -> Releases:
        """Parse the output of the shell function `releases_fact`."""
        values: dict[str, str] = {}
        records: dict[str, dict[str, str]] = {}
        lists: dict[str, list[str]] = {"running": [], "draining": [], "processes": [], "timed": []}
        for line in fact.splitlines():
            key, _, value = line.partition(" ")
            if said := _RECORDED.fullmatch(line):
                instance, state, name, text = said.groups()
                if (field := state or name) in Record.__dataclass_fields__ and instance in records:
                    records[instance][field] = text
            elif key == "instance":
                name = value.removesuffix("/")
                records[name] = {"id": name, "state": "building"}
            elif key in lists:
                lists[key].append(value)
            else:
                values[key] = value
        return cls(
            live=values.get("live", ""),
            listening=values.get("listening") == "yes",
            boots=values.get("boots") == "yes",
            current=values.get("current", ""),
            records=tuple(sorted((Record(**record) for record in records.values()), key=lambda record: record.at)),
            running=tuple(sorted(set(lists["running"]))),
            processes=tuple(map(RunningProcess.parse, lists["processes"])),
            draining=tuple(sorted(lists["draining"])),
            timed=tuple(sorted(lists["timed"])),
        )
