"""The output of a running step: its progress, and the error of a failed change."""

from __future__ import annotations

import io

import pytest

from selvedge.engine.plan import Plan
from selvedge.engine.progress import Progress, name_host
from selvedge.errors import StepError
from selvedge.report import Report
from selvedge.resources.base import Change
from selvedge.resources.files import File


@pytest.mark.parametrize(("rows", "shown"), [
    ([], 0), (["", " \t"], 0), (["\x1b[0m", "\x1b[2K\r\x1b[0m"], 0), (["\x1b[31mno\x1b[0m"], 1), (["100%\r\x1b[K", "no"], 1),
])  # fmt: skip
def test_the_heading_of_the_output_has_lines_below_it(rows: list[str], shown: int) -> None:
    out = io.StringIO()
    progress = Progress(Report(out), "web-1", "venv", Plan([(File("/etc/app", ""), Change("build it", "false"))]), "@m")
    for line in ("@m begin 0", *rows, "@m error It failed.", "@m end 1"):
        progress.line(line)
    with pytest.raises(StepError):
        progress.conclude(1, "/var/log/selvedge/hello.log")
    _, heading, below = out.getvalue().partition("    The last lines of its output on web-1:\n")
    assert (bool(heading), len(below.splitlines())) == (bool(shown), shown)


@pytest.mark.parametrize(("text", "named"), [
    ("Run `fab install` first, or `fab deploy`.", "Run `fab -H web-1 install` first, or `fab -H web-1 deploy`."),
    ("Run `fab -H web-1 logs`.", "Run `fab -H web-1 logs`."),
    ("Run the same `fab` command again.", "Run the same `fab` command again."),
    ("Use `fab --prompt-for-sudo-password …`.", "Use `fab --prompt-for-sudo-password …`."),
])  # fmt: skip
def test_commands_get_the_host(text: str, named: str) -> None:
    assert name_host(text, "web-1") == named


def test_a_failed_change_names_commands_that_can_be_pasted() -> None:
    """With several servers in hosts.toml, `fab install` without -H is wrong usage."""
    out = io.StringIO()
    change = Change("build it", "false", remedy="Run `fab clone` again.")
    progress = Progress(Report(out), "web-1", "venv", Plan([(File("/etc/app", ""), change)]), "@m")
    for line in ("@m begin 0", "@m say run `fab start` later", "@m error uv is missing. Run `fab install` first.", "@m end 1"):
        progress.line(line)
    with pytest.raises(StepError) as caught:
        progress.conclude(1, "/var/log/selvedge/hello.log")
    assert caught.value.message == "web-1: venv failed at: build it. uv is missing. Run `fab -H web-1 install` first."
    assert caught.value.remedy == (
        "Run `fab -H web-1 clone` again. See all of its output on the server: `sudo less /var/log/selvedge/hello.log`."
    )
    assert "run `fab -H web-1 start` later" in out.getvalue()
