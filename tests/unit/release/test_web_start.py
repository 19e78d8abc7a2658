"""The script with which supervisor starts the web process: one that a killed supervisord left ends, with its requests answered."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.release.instance import Instance

# As gunicorn: at TERM it first removes its socket, then finishes its requests.
PROGRAM = """
import os, signal, socket, sys, time
own = os.environ["OWN"]
if os.path.exists("sock"):
    os.unlink("sock")
socket.socket(socket.AF_UNIX).bind("sock")
def end(*_):
    if "deaf" in own:
        return
    os.unlink("sock")
    while "busy" in own and not os.path.exists("answered"):
        time.sleep(0.02)
    print("ends", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("begins", flush=True)
while True:
    time.sleep(0.05)
"""

pytestmark = [pytest.mark.programs, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")]


class Started:
    """Starts the web process as supervisor does."""

    def __init__(self, app: Target, folder: Path) -> None:
        self.folder, self.running = folder, []  # type: Path, list[subprocess.Popen[bytes]]
        instance = Instance.of(app)
        text = instance.start_script().replace("/srv/hello/shared/.tmp", f"{folder}/tmp").replace(instance.folder, str(folder))
        text = re.sub(r"/run/hello/\S+\.sock", f"{folder}/sock", text)
        (folder / "start").write_text(text.replace("-lt 110 ]", "-lt 5 ]"))
        (folder / "program.py").write_text(PROGRAM)
        (folder / "run").write_text(f"#!/bin/sh\nexec {sys.executable} program.py\n")
        (folder / "run").chmod(0o755)

    def start(self, own: str = "") -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            self.running.append(subprocess.Popen(
                ["sh", str(self.folder / "start")], stdout=log, stderr=log, process_group=0, cwd=self.folder,
                env={**os.environ, "OWN": own}))  # fmt: skip
        return self.running[-1]

    def until(self, *lines: str) -> None:
        deadline = time.monotonic() + 30
        while (said := (self.folder / "log").read_text().splitlines()) != list(lines):
            assert time.monotonic() < deadline, said
            time.sleep(0.02)


@pytest.fixture
def started(app: Callable[..., Target], tmp_path: Path) -> Iterator[Started]:
    found = Started(app("nothing set", stop_timeout=1), tmp_path)
    yield found
    for process in found.running:
        process.kill()
        process.wait()


def lost(process: subprocess.Popen[bytes]) -> str:
    return f"supervisor has lost the process {process.pid}: waiting until it has ended"


def test_the_next_one_waits_only_until_it_accepts_no_more_requests(started: Started) -> None:
    first = started.start("busy")
    started.until("begins")
    started.start()
    started.until("begins", lost(first), "begins")
    (started.folder / "answered").touch()
    assert first.wait(10) == 0
    started.until("begins", lost(first), "begins", "ends")
    assert (started.folder / "sock").exists()


def test_one_that_ignores_its_signal_is_killed(started: Started) -> None:
    first = started.start("deaf")
    started.until("begins")
    started.start()
    assert first.wait(10) == -signal.SIGKILL
    started.until("begins", lost(first), "begins")


def test_the_workers_of_one_that_was_killed_end(started: Started) -> None:
    first = started.start()
    started.until("begins")
    worker = subprocess.Popen(["sleep", "60"], process_group=first.pid)
    started.running.append(worker)
    first.kill()
    first.wait()
    for name in ("0123456789ab-abcdef", "also-0123456789ab-abcdef"):
        (started.folder / f"tmp/.{name}.pid").touch()
    started.start()
    assert worker.wait(10) == -signal.SIGTERM
    started.until("begins", "begins")
    assert not list((started.folder / "tmp").glob(".*abcdef.pid"))
