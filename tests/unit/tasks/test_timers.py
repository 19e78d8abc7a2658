"""The timers of the step `supervisor`: the files of systemd, and the scripts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.resources.files import File
from selvedge.resources.services import Service
from selvedge.resources.timers import FormerTimersRemoved
from tests.support.declared import file, of
from tests.support.hostile import HOSTILE, TEXT

UNITS = "/etc/systemd/system/selvedge-timer-hello.cleanup"
TIMERS = {"cleanup": {"command": "python -m x", "schedule": "0 4 1 * 1", "timeout": 60, "persistent": False}}


def test_two_units_and_a_script_run_a_timer(app: Callable[..., Target]) -> None:
    settings = app("nothing set", timers=TIMERS)
    timer, service = (file("supervisor", settings, f"{UNITS}.{kind}").text for kind in ("timer", "service"))
    assert "\nOnCalendar=*-*-01 04:00:00\nOnCalendar=Mon *-*-* 04:00:00\n" in timer
    assert "\nPersistent=no\n" in timer
    assert "\nType=oneshot\n" in service and "\nTimeoutStartSec=60\n" in service
    assert "\nUser=hello\n" in service and "\nStandardOutput=append:/var/log/hello/timer-cleanup.log\n" in service
    script = file("supervisor", settings, "/srv/hello/timers/cleanup.sh")
    assert (script.mode, script.group) == ("0750", "hello")
    enabled = [each.name for each in of("supervisor", settings, Service)]
    assert "selvedge-timer-hello.cleanup.timer" in enabled


def test_without_timers_only_former_ones_are_removed(app: Callable[..., Target]) -> None:
    settings = app("nothing set")
    assert of("supervisor", settings, FormerTimersRemoved) == [FormerTimersRemoved("hello", ())]
    assert not [each for each in of("supervisor", settings, File) if "timers" in each.path]


@pytest.mark.parametrize(("manager", "boxed"), [("supervisor", False), ("systemd", True)])
def test_a_run_has_the_restrictions_of_the_web_process(app: Callable[..., Target], manager: str, boxed: bool) -> None:
    settings = app("nothing set", timers=TIMERS, manager=manager, box={"home": True})
    service = file("supervisor", settings, f"{UNITS}.service").text
    assert [line in service for line in ("\nProtectSystem=strict\n", "\nProtectHome=read-only\n")] == [boxed, boxed]
    for line in ("NoNewPrivileges=yes", "PrivateTmp=yes", "UMask=0007"):
        assert service.count(f"\n{line}\n") == 1
    if boxed:
        (web,) = (each.text for each in of("supervisor", settings, File) if each.path.endswith("/unit.service"))
        box = web.partition("# The sandbox.")[2].partition("\n[Install]")[0]
        assert "RestrictNamespaces=yes" in box and service.endswith(box)


def test_hostile_text_is_one_word_for_the_shell(target: Callable[..., Target], hostile: Target, tmp_path: Path) -> None:
    """The script passes the command to `sh` unchanged; no unit has a part of it."""
    for manager in ("supervisor", "systemd"):
        app = target(**{**HOSTILE, "manager": manager})
        files = {each.path: each.text for each in of("supervisor", app, File) if "t-1" in each.path}
        assert sorted(files) == [
            "/etc/systemd/system/selvedge-timer-a-1.t-1.service",
            "/etc/systemd/system/selvedge-timer-a-1.t-1.timer",
            "/srv/a-1/timers/t-1.sh",
        ]
        assert [path for path, text in files.items() if "pwned" in text] == ["/srv/a-1/timers/t-1.sh"]
        run = tmp_path / "instances/x/run"
        run.parent.mkdir(parents=True, exist_ok=True)
        run.write_text('#!/bin/sh\nfor word; do last=$word; done\nprintf "%s" "$last"\n')
        run.chmod(0o755)
        script = files["/srv/a-1/timers/t-1.sh"].replace("/srv/a-1/instances", str(tmp_path / "instances"))
        done = subprocess.run(["sh", "-c", script], env={"TIMER_RELEASE": "x"}, capture_output=True, text=True, check=True)
        assert done.stdout == TEXT
    assert hostile.timers["t-1"].command == TEXT
