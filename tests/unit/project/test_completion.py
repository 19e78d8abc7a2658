"""The completion of a half-typed command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.engine.test_command_line import fab
from tests.unit.project.test_task_list import FAB

pytestmark = pytest.mark.programs

LINES = {
    "fab dep": ["deploy"],
    "fab setup deploy --com": ["--commit"],
    "fab deploy --dr": ["--dry-run"],
    "fab sandbox.u": ["sandbox.up"],
    "fab sandbox.up --na": ["--name"],
    "fab -H one,two resta": ["restart"],
    "fab logs --lines many --fo": [],
    "fab run --command 'ale": [],
}


def test_completion_lists_what_fits_and_prints_no_errors() -> None:
    for line, fits in LINES.items():
        done = subprocess.run([FAB, "--complete", "--", line], cwd=ROOT, capture_output=True, text=True, check=False)
        begin = line.split()[-1]
        assert [word for word in done.stdout.split() if word.startswith(begin)] == fits, line
        assert not done.stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_the_script_for_bash_completes(tmp_path: Path) -> None:
    words = [FAB, "--print-completion-script", "bash"]
    (tmp_path / "completion").write_bytes(subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout)
    shell = f". {tmp_path}/completion; COMP_WORDS=(fab sandbox.up --im); _complete_fab fab --im; echo ${{COMPREPLY[*]}}"
    path = f"{FAB.parent}:/usr/bin:/bin"
    done = subprocess.run(["bash", "--norc", "-c", shell], cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("--image\n", "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_there_is_a_script_for_other_shells(tmp_path: Path, shell: str) -> None:
    done = fab(tmp_path, "--print-completion-script", shell)
    assert "fab" in done.stdout and "--complete --" in done.stdout
