"""Run a script at a terminal and type answers: `typist.py SCRIPT ANSWER…`. An answer follows a line that ends with a question."""

from __future__ import annotations

import os
import pty
import re
import sys

QUESTION = re.compile(rb"(?:\[y/N\]|[:?]) ?$")


def main(script: str, answers: list[str]) -> int:
    """Print what the terminal shows; return the exit status of the script."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("bash", ["bash", script])
    asked = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # On Linux, reading from a terminal whose programs have ended fails.
            break
        sys.stdout.buffer.write(piece.replace(b"\r\n", b"\n"))
        sys.stdout.buffer.flush()
        asked += piece
        if answers and QUESTION.search(asked):
            os.write(terminal, answers.pop(0).encode() + b"\n")
            asked = b""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
