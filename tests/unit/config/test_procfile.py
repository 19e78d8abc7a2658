"""A Procfile, and the tables of hosts.toml for its processes."""

from __future__ import annotations

import tomllib

import pytest

from selvedge.config.procfile import parse_procfile, process_tables
from tests.unit.config.conftest import Load
from tests.unit.config.examples import APP


@pytest.mark.parametrize(("text", "found"), [
    ("web: uvicorn main:app\nworker: celery -A blog worker\n", {"worker": "celery -A blog worker"}),
    ("release: alembic upgrade head\nNight_Worker:rq worker high  \n", {"night-worker": "rq worker high"}),
    ("# worker: no\n\nworker:\n: x\nnginx: nginx\na b: c\nclock: python clock.py 10:30", {"clock": "python clock.py 10:30"}),
    ("worker: a\nworker: b\n", {"worker": "b"}),
    ("", {}),
])  # fmt: skip
def test_the_processes_of_a_procfile(text: str, found: dict[str, str]) -> None:
    assert parse_procfile(text) == found


def test_the_tables_can_be_added_to_hosts_toml(settings: Load) -> None:
    found = {"worker": "celery -A \"blog\" worker -n 'a\\b' $X", "clock": "python clock.py", "tasks": "celery -A blog beat"}
    text = process_tables(found)
    assert {name: table["command"] for name, table in tomllib.loads(text)["processes"].items()} == found
    loaded = settings(APP + text).processes
    assert {name: each.command for name, each in loaded.items()} == found
    assert [each.overlap for each in loaded.values()] == [True, False, False], "schedulers never run twice"
