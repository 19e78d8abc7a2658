"""A time limit by the timeout of a container, whose busybox may be too old for the option -k."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.libraries import functions

pytestmark = pytest.mark.programs

# As busybox 1.30: the options -s SIG and SECS only. The program replaces it, and a process beside it sends the signal.
OLD = """#!/bin/sh
sig=TERM
while getopts s: option; do case $option in s) sig=$OPTARG ;; *) echo "timeout: unrecognized option" >&2; exit 1 ;; esac; done
shift $((OPTIND - 1))
seconds=$1
shift
(sleep "$seconds"; kill -s "$sig" $$) >/dev/null 2>&1 &
exec "$@"
"""


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    ("command", "status"),
    [("exit 3", {3}), ("sleep 30", {124, 137, -9}), ("trap '' TERM; sleep 30 & wait; sleep 30", {137, -9})],
)
def test_a_command_ends_in_time(tmp_path: Path, old: bool, command: str, status: set[int]) -> None:
    if old:
        (tmp_path / "timeout").write_text(OLD)
        (tmp_path / "timeout").chmod(0o755)
    script = f'{functions("limit")}\nsh -c "$(limit_script)" sh 1 1 sh -c "$1"'
    began = time.monotonic()
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["dash", "-c", script, "sh", command], env=environment, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode in status and time.monotonic() - began < 20
