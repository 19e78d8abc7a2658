"""A `Procfile`, the list of processes of Heroku, Dokku and honcho: one `NAME: COMMAND` a line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from selvedge.config.processes import process_name
from selvedge.config.schema import to_toml

OTHERS = ("web", "release")
"""The web process, which Selvedge starts itself, and the migration, which is `app.migrate`."""


def parse_procfile(text: str) -> dict[str, str]:
    """Return the processes of a Procfile beside the web process: the command of each, by its name in `[processes]`.

    Lines of other forms, and names that `[processes]` cannot have, are left out.
    """
    found = {}
    for line in text.splitlines():
        parts = re.fullmatch(r"\s*([A-Za-z0-9_-]+)\s*:\s*(\S.*?)\s*", line)
        name = parts[1].lower().replace("_", "-") if parts else ""
        try:
            if parts and name not in OTHERS:
                found[process_name(name)] = parts[2]
        except ValueError:
            continue
    return found


def is_scheduler(name: str, command: str) -> bool:
    """Return whether a process starts jobs by time, by its name and command."""
    return bool(re.search(r"\b(beat|clock|cron|scheduler)\b", f"{name} {command}"))


def process_tables(processes: Mapping[str, str]) -> str:
    """Return these processes as tables of hosts.toml. Two schedulers must never run at once."""
    tables = []
    for name, command in processes.items():
        alone = "overlap = false\n" if is_scheduler(name, command) else ""
        tables.append(f"[processes.{name}]\ncommand = {to_toml(command)}\n{alone}")
    return "\n".join(tables)
