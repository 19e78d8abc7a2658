"""The script with which supervisor starts a process: what ran before under the same number ends first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.release.instance import Instance

PROGRAM = """
import os, signal, sys, time
own = os.environ["OWN"]
print("begins", flush=True)
def end(*_):
    if "deaf" not in own:
        print("ends", flush=True)
        sys.exit()
signal.signal(signal.SIGINT, end)
while True:
    time.sleep(0.05)
"""

pytestmark = [pytest.mark.programs, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")]


class Started:
    """Starts a process as supervisor does: in a process group of its own, with its output in a log."""

    def __init__(self, app: Target, folder: Path) -> None:
        self.folder, self.running = folder, []  # type: Path, list[subprocess.Popen[bytes]]
        texts = Instance.of(app).process_files()
        (text,) = (text for path, text in texts.items() if path.endswith("/start"))
        (folder / "run").write_text('#!/bin/sh\nexec "$@"\n')
        (folder / "run").chmod(0o755)
        instance = next(line for line in text.splitlines() if "/run env" in line).split("/run env")[0].split()[-1]
        text = text.replace(instance, str(folder)).replace("/srv/hello/shared/.tmp", str(folder / "tmp"))
        (folder / "program.py").write_text(PROGRAM)
        (folder / "start").write_text(text)

    def start(self, own: str = "") -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            self.running.append(subprocess.Popen(
                ["sh", str(self.folder / "start"), "1"], stdout=log, stderr=log, process_group=0,
                env={**os.environ, "OWN": own}, cwd=self.folder))  # fmt: skip
        return self.running[-1]

    def said(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()

    def until(self, *lines: str) -> None:
        deadline = time.monotonic() + 30
        while self.said() != list(lines):
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)


@pytest.fixture
def started(app: Callable[..., Target], tmp_path: Path) -> Iterator[Started]:
    worker = {"command": f"{sys.executable} program.py", "stop_signal": "INT", "stop_timeout": 1}
    found = Started(app("nothing set", processes={"worker": worker}), tmp_path)
    yield found
    for process in found.running:
        process.kill()
        process.wait()


def lost(process: subprocess.Popen[bytes]) -> str:
    return f"supervisor has lost the process {process.pid}: waiting until it has ended"


def test_one_that_a_killed_supervisord_left_ends_before_the_next_begins(started: Started) -> None:
    first = started.start()
    started.until("begins")
    started.start()
    assert first.wait(10) == 0
    started.until("begins", lost(first), "ends", "begins")


def test_one_that_ignores_its_signal_is_killed_after_its_stop_timeout(started: Started) -> None:
    first = started.start("deaf")
    started.until("begins")
    started.start()
    assert first.wait(10) == -signal.SIGKILL
    started.until("begins", lost(first), "begins")


def test_what_a_program_leaves_when_it_is_killed_ends_too(started: Started) -> None:
    first = started.start()
    started.until("begins")
    child = subprocess.Popen(["sleep", "60"], process_group=first.pid)
    started.running.append(child)
    first.kill()
    first.wait()
    started.start()
    assert child.wait(10) == -signal.SIGKILL
    started.until("begins", "begins")


def test_one_that_has_got_its_signal_gets_no_second_one(started: Started) -> None:
    """supervisor had asked it to stop before it was killed (orphan.sh), or an earlier start script has."""
    first = started.start()
    started.until("begins")
    (record,) = (started.folder / "tmp").glob("*.pid")
    Path(f"{record}.asked").write_bytes(record.read_bytes())
    started.start()
    assert first.wait(10) == -signal.SIGKILL
    started.until("begins", lost(first), "begins")
    (started.folder / "log").write_text("")
    second = started.running[-1]
    started.start()
    assert second.wait(10) == 0, "a new program has not been asked yet"
    started.until(lost(second), "ends", "begins")


def test_a_start_script_whose_supervisord_is_killed_starts_nothing(started: Started) -> None:
    """The next supervisord starts another one, which waits, too."""
    first = started.start("deaf")
    started.until("begins")
    with (started.folder / "log").open("ab") as log:
        killed = subprocess.Popen(["sh", "-c", 'sh "$0/start" 1 & sleep 60', str(started.folder)], stdout=log, stderr=log,
                                  process_group=0, env={**os.environ, "OWN": ""}, cwd=started.folder)  # fmt: skip
    started.until("begins", lost(first))
    killed.kill()
    killed.wait()
    time.sleep(2)
    assert first.poll() is None and started.said() == ["begins", lost(first)]
    os.killpg(killed.pid, signal.SIGKILL)


BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip() if sys.platform.startswith("linux") else ""


@pytest.mark.parametrize("record", [f"{{pid}} 1 {BOOT}", f"{{pid}} {BOOT}", "{pid}", "", f"x y {BOOT}", f"99999999 1 {BOOT}",
                                    "{pid} {began} of-another-boot"])  # fmt: skip
def test_another_program_with_the_same_id_is_left_alone(started: Started, record: str) -> None:
    with subprocess.Popen(["sleep", "60"], process_group=0) as other:
        folder = started.folder / "tmp"
        folder.mkdir()
        lines = (started.folder / "start").read_text().splitlines()
        (files,) = (line.removeprefix("FILES=").removesuffix("$1") for line in lines if line.startswith("FILES="))
        began = Path(f"/proc/{other.pid}/stat").read_text().rpartition(") ")[2].split()[19]
        Path(f"{files}1.pid").write_text(f"{record.format(pid=other.pid, began=began)}\n")
        started.start()
        started.until("begins")
        assert other.poll() is None
        other.kill()
