"""The program of hide.sh, which hides the values of the app's environment in its output."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from selvedge.shell.library import library

VALUE = 'pass"wörd\\1'
(PROGRAM,) = re.findall(r"hide_program='\n(.*?)'\n", library("hide"), re.DOTALL)


def hidden(text: str) -> str:
    command = [sys.executable, "-I", "-c", PROGRAM, "SECRET"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, env={"SECRET": VALUE}, check=True)
    return done.stdout.decode()


def test_a_value_is_hidden_whatever_the_form_of_the_log() -> None:
    for unicode in (True, False):
        record = {"time": "2026-11-29T10:00:00.000+00:00", "level": "error", "message": f"url {VALUE}", "exception": f"E: {VALUE}"}
        line = json.dumps(record, ensure_ascii=unicode)
        assert hidden(f"text {VALUE}\n{line}\n") == "text •••\n[2026-11-29T10:00:00.000+00:00] [ERROR] url •••\nE: •••\n"


def test_a_sentence_of_selvedge_and_a_traceback_keep_their_lines() -> None:
    traceback = "Traceback (most recent call last):\nE"
    record = {"time": "t", "level": "error", "message": "[selvedge] The app exits", "exception": traceback}
    assert hidden(f"{json.dumps(record)}\n") == f"[selvedge] The app exits\n{traceback}\n"


def test_other_lines_stay_as_they_are() -> None:
    for line in ('{"time": broken\n', '{"time": 1}\n', "[]\n", '{"time": "t", "level": [], "message": "no end"}'):
        shown = hidden(line)
        assert shown == line or "no end" in shown
