"""The plan of a step: its changes on one server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby

from selvedge.resources.base import Change, Guard, Loader, Resource
from selvedge.ssh.payload import Payload


@dataclass
class Plan:
    """The changes of a step on a server, each with its resource. before: shell that runs before all of them."""

    changes: list[tuple[Resource, Change]] = field(default_factory=list)
    before: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes)

    @classmethod
    def of(cls, resources: Sequence[Resource], facts: Sequence[str]) -> Plan:
        """Return the changes that the resources need, in their order. A loader reloads after a change to one it has loaded."""
        result = cls()
        changed: set[int] = set()
        for resource, fact in zip(resources, facts, strict=True):
            change = resource.plan(fact)
            if isinstance(resource, Loader) and any(id(load) in changed for load in resource.loaded()):
                change = change or resource.reload()
                result.before.append(resource.before_loads())
            if change is not None:
                changed.add(id(resource))
                result.changes.append((resource, change))
        return result

    def payload(self) -> Iterator[Payload]:
        """Return the payloads of the changes, in their order."""
        return (change.payload for _, change in self.changes if change.payload)

    @property
    def guard(self) -> Guard | None:
        """The guard of a section's changes."""
        return self.changes[0][1].guard if self.changes else None

    def sections(self) -> list[Plan]:
        """Return the plan in parts; each becomes a script.

        A new part begins where the guard changes, and before each change that has commands or work for the user's machine.
        """
        locals_before = accumulate(change.begins_here for _, change in self.changes)
        keys = zip(locals_before, (change.guard for _, change in self.changes), strict=True)
        keyed = zip(keys, self.changes, strict=True)
        parts = [Plan([item for _, item in group]) for _, group in groupby(keyed, lambda pair: pair[0])]
        if parts:
            parts[0].before = self.before
        return parts
