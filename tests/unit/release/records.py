"""Releases on a server, for tests of decisions."""

from __future__ import annotations

from selvedge.release.record import Record, Releases


def record(instance: str, state: str, day: int = 0, **more: str) -> Record:
    return Record(instance, state, at=f"2026-01-{day:02}T00:00:00Z" if day else "", **more)


def releases(live: str, *records: Record) -> Releases:
    return Releases(live, True, True, f"releases/{live[:12]}", tuple(sorted(records, key=lambda each: each.at)))
