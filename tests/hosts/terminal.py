"""A terminal in which a test types the commands of a page: one shell, with files and names of its own."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

END = "end-of-command-7f3a"
TYPIST = Path(__file__).with_name("typist.py")


@dataclass(frozen=True)
class Output:
    """The exit status of a command, and its standard output and standard error as a terminal shows them."""

    status: int
    text: str


class Terminal:
    """A bash in a mount namespace, in which some files of this machine are replaced.

    replaced: path of this machine → file or folder that commands see there. OpenSSH, for example, reads ~/.ssh of the
    user's entry in /etc/passwd and not of $HOME.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], replaced: Mapping[Path, Path]) -> None:
        self._script = folder / ".command"
        rights = [] if os.getuid() == 0 else ["--map-root-user"]
        self._shell = subprocess.Popen(
            ["unshare", *rights, "--mount", "bash", "--noprofile", "--norc"], cwd=folder, env=dict(environment),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True)  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        for path, other in replaced.items():
            done = self.run(f"mount --bind '{other}' '{path}'")
            assert done.status == 0, done

    def run(self, command: str, answers: Sequence[str] = (), seconds: float = 480) -> Output:
        """Run a command, which may change the folder and variables. Raises TimeoutError with its output.

        answers: the command runs at a terminal, where each answer is typed when it asks something.
        """
        self._script.write_text(command + "\n")
        call = f". {self._script} </dev/null"
        if answers:
            call = " ".join([f"{sys.executable} {TYPIST} {self._script}", *(f"'{answer}'" for answer in answers)])
        self._write(f"{call}\nprintf '\\n%s %s\\n' {END} $?\n")
        deadline = time.monotonic() + seconds
        shown: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{command} did not end in {seconds:.0f} s: {''.join(shown)}") from None
            if line is None:
                return Output(self._shell.wait(), "".join(shown))
            if line.startswith(END):
                return Output(int(line.split()[1]), "".join(shown).removesuffix("\n"))
            shown.append(line)

    def close(self) -> None:
        """End the shell and all that it started."""
        self._write("exit\n")
        try:
            self._shell.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()

    def _write(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text)
        self._shell.stdin.flush()

    def _read(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            self._lines.put(line)
        self._lines.put(None)
