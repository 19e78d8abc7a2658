"""Runs that are cut off: the script ends its work, and the next one waits."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from selvedge.engine.script import step_script
from selvedge.resources.files import File
from tests.support.plans import MARK, changes


def start(server: Any, script: str) -> subprocess.Popen[bytes]:
    process = server.start(script, stderr=subprocess.DEVNULL)
    process.stdin.write(script.encode())
    process.stdin.flush()
    return process


def wait_for(path: Path, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.01)


SLOW = "touch /srv/began\nwhile [ ! -e /srv/go ]; do sleep 0.02; done\nseq 20000\ntouch /srv/ended"


@pytest.mark.parametrize("how", ["no reader", "hangup", "both"])
def test_a_lost_connection_does_not_stop_the_script(server: Any, how: str) -> None:
    process = start(server, step_script(changes(SLOW, "touch /srv/second"), MARK, "hello"))
    wait_for(server.path("/srv/began"))
    if how != "hangup":
        process.stdout.close()
        process.stdin.close()
    if how != "no reader":
        process.send_signal(signal.SIGHUP)
    server.path("/srv/go").touch()
    if how == "hangup":
        process.stdout.read()
    process.wait(timeout=20)
    assert server.path("/srv/ended").exists() and server.path("/srv/second").exists()
    rows = server.path("/var/log/selvedge/hello.log").read_text().splitlines()
    assert rows[-1] == "@test end 0" and "20000" in rows
    server.assert_clean()


def test_a_lost_connection_does_not_stop_the_restore(server: Any) -> None:
    server.path("/etc/file").write_text("old\n")
    planned = changes(server.plan(File("/etc/file", "new\n")).changes[0][1], SLOW + "\nfalse")
    process = start(server, step_script(planned, MARK, "hello"))
    wait_for(server.path("/srv/began"))
    assert server.path("/etc/file").read_text() == "new\n"
    process.stdout.close()
    process.stdin.close()
    server.path("/srv/go").touch()
    process.wait(timeout=20)
    assert server.path("/etc/file").read_text() == "old\n"


def test_an_incomplete_script_changes_nothing(server: Any) -> None:
    script = step_script(changes("touch /srv/changed"), MARK, "hello")
    before = server.tree()
    cuts = [*range(len(script) - 400, len(script) - 1, 19), *range(len(script) - 10, len(script) - 1), len(script) // 2]
    for cut in cuts:
        assert b"begin" not in server.run(script[:cut]).stdout, script[cut - 40 : cut]
    assert server.tree() == before
    server.run(script[:-1])
    assert server.path("/srv/changed").exists()


def test_a_run_waits_for_the_rest_of_the_previous_one(server: Any) -> None:
    first = start(server, step_script(changes(SLOW), MARK, "hello"))
    wait_for(server.path("/srv/began"))
    second = start(server, step_script(changes("touch /srv/second"), MARK, "hello"))
    assert second.stdout.readline() == b"@test wait waiting for the last step of an interrupted run\n"
    # Another app on the same server does not wait.
    server.run(step_script(changes("touch /srv/other"), MARK, "other"))
    assert server.path("/srv/other").exists() and not server.path("/srv/second").exists()
    server.path("/srv/go").touch()
    for process in (first, second):
        process.communicate(timeout=20)
    assert server.path("/srv/second").exists()


def test_a_process_that_a_change_leaves_holds_no_lock(server: Any) -> None:
    server.apply(changes("sleep 5 >/dev/null 2>&1 3<&- & echo $! >/srv/pid"))
    try:
        done = server.apply(changes("echo next"))
        assert done.status == 0 and not done.said
    finally:
        os.kill(int(server.path("/srv/pid").read_text()), signal.SIGKILL)
