"""The step `supervisor`: the files of supervisor and systemd, read by their rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.resources.files import File
from selvedge.resources.services import Service
from tests.support.fixtures import COMMIT
from tests.support.hostile import HOSTILE, declared
from tests.support.readers import supervisor_programs

SUPERVISOR = """command directory user autostart autorestart startsecs startretries stopsignal stopwaitsecs killasgroup
redirect_stderr stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups"""


def test_hostile_values_stay_values_for_supervisor(hostile: Target) -> None:
    text = next(each.text for each in declared("supervisor", hostile) if isinstance(each, File))
    ((name, program),) = supervisor_programs(text).items()
    assert re.fullmatch(r"a-1\.0123456789ab-[0-9a-f]{6}", name)
    instance = name.partition(".")[2]
    assert program["command"] == f"/srv/a-1/instances/{instance}/gunicorn_start"
    assert (program["user"], program["directory"]) == ("a-1", hostile.paths.release(COMMIT))
    assert program["stdout_logfile"] == f"/var/log/a-1/{instance}.log"
    # No other option lets the app's user run programs as another user.
    assert set(program) == set(SUPERVISOR.split())


def test_hostile_values_stay_values_for_systemd(target: Callable[..., Target], hostile: Target, tmp_path: Path) -> None:
    """systemd reads `%` and `$` as specifiers and variables; only MemoryMax may be a share (systemd.resource-control)."""
    app = target(COMMIT, **{**HOSTILE, "manager": "systemd", "memory_max": "75%"})
    assert app.base_dir == hostile.base_dir == tmp_path
    units = [each for each in declared("supervisor", app) if isinstance(each, File) and ".service" in each.path]
    assert units
    for unit in units:
        rows = [row for row in unit.text.splitlines() if row and not row.startswith("#")]
        assert all(re.fullmatch(r"\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.*", row) for row in rows), unit.path
        assert [row for row in rows if "%" in row or "$" in row or "\\" in row] == ["MemoryMax=75%"]


def test_supervisor_stops_before_the_services(target: Callable[..., Target]) -> None:
    """systemd must have read the file before the shutdown whose order it sets."""
    resources = declared("supervisor", target(COMMIT, services={"redis": True}))
    (order,) = (each for each in resources if isinstance(each, File) and "/supervisor.service.d/" in each.path)
    assert "After=selvedge-redis@hello.service" in order.text.splitlines()
    (loaded,) = (each for each in resources if isinstance(each, Service) and order in each.loads)
    assert (loaded.name, loaded.reload_command) == ("supervisor.service", "systemctl daemon-reload")


@pytest.mark.parametrize("extra", [{}, {"manager": "systemd", "services": {"redis": True}}], ids=["nothing", "systemd"])
def test_other_apps_leave_the_unit_of_supervisor_alone(target: Callable[..., Target], extra: dict[str, object]) -> None:
    resources = declared("supervisor", target(COMMIT, **extra))
    assert not [each for each in resources if isinstance(each, File) and "/supervisor.service.d/" in each.path]
