"""The releases on a server, as its records say."""

from __future__ import annotations

import re

from selvedge.value import Value

_RECORDED = re.compile(r"([^/\s]+)/(?:(state):|record:(\w+) )(.*)")


class Record(Value):
    """A release's record on the server.

    state: "building", "good", "bad", or "left" (rolled back from). at: UTC, ISO 8601, of its last switch. heads: alembic's
    revisions that its code brings the database to. database: those that the database was at when it became live.
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


class Releases(Value):
    """The releases on a server: the live one, whether its socket is listened on, the link `current`, all records.

    boots: whether a boot starts the live instance, and no other. running: the instances whose sockets are listened on.
    """

    live: str = ""
    listening: bool = False
    boots: bool = True
    current: str = ""
    records: tuple[Record, ...] = ()
    running: tuple[str, ...] = ()

    def record(self, instance: str) -> Record | None:
        """The record of an instance, None where there is none."""
        return next((record for record in self.records if record.id == instance), None)

    def left(self, instance: str) -> Record | None:
        """The record that says that this instance, or its commit with other settings, was rolled back from; else None."""
        same = [each for each in self.records if each.id[:12] == instance[:12] and each.state in ("good", "left")]
        own = self.record(instance)
        last = own if own in same else same[-1] if same and self.live[:12] != instance[:12] else None
        return last if last and last.state == "left" else None

    @classmethod
    def parse(cls, fact: str) -> Releases:
        """Read what the shell function `releases_fact` printed."""
        values: dict[str, str] = {}
        records: dict[str, dict[str, str]] = {}
        running: list[str] = []
        for line in fact.splitlines():
            key, _, value = line.partition(" ")
            if said := _RECORDED.fullmatch(line):
                instance, state, name, text = said.groups()
                if (field := state or name) in Record.__dataclass_fields__ and instance in records:
                    records[instance][field] = text
            elif key == "instance":
                name = value.removesuffix("/")
                records[name] = {"id": name, "state": "building"}
            elif key == "running":
                running.append(value)
            else:
                values[key] = value
        return cls(
            live=values.get("live", ""),
            listening=values.get("listening") == "yes",
            boots=values.get("boots") == "yes",
            current=values.get("current", ""),
            records=tuple(sorted((Record(**record) for record in records.values()), key=lambda record: record.at)),
            running=tuple(sorted(running)),
        )
