"""Output on a terminal: wrapped lines, tables, errors."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from selvedge.errors import SelvedgeError
from selvedge.report import Report
from selvedge.report.terminal import fitting, print_error
from selvedge.report.text import Part, Styled, width
from tests.support.paths import ROOT

STYLE = re.compile(r"\033\[[0-9;]*m")
TITLES = ("host", "release", "subject", "by")


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


def table(*rows: list[Part], terminal: bool = True) -> list[str]:
    stream = io.StringIO()
    Report(stream, terminal=terminal).table(TITLES, rows, long="subject", secondary=("by",))
    return [row.rstrip() for row in STYLE.sub("", stream.getvalue()).splitlines()]


@pytest.mark.usefixtures("columns")
def test_a_long_line_about_a_step_is_wrapped_below_its_text() -> None:
    stream = io.StringIO()
    report = Report(stream, terminal=True)
    report.hosts(["web"])
    report.step("web", "nginx", Styled("✓", "green"), " keep others out of /var/log/hello/access.log and its errors")
    assert STYLE.sub("", stream.getvalue()).splitlines() == [
        "web  nginx       ✓ keep others out of",
        "                 /var/log/hello/access.log and its errors",
    ]


def test_a_narrow_terminal_wraps_lines_with_a_small_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    report = Report(stream, terminal=True)
    report.hosts(["web"])
    report.step("web", "nginx", "keep others out of /var/log/hello and more")
    assert STYLE.sub("", stream.getvalue()).splitlines() == ["web  nginx       keep others out of", "  /var/log/hello and more"]


@pytest.mark.usefixtures("columns")
def test_other_lines_are_not_wrapped() -> None:
    stream = io.StringIO()
    Report(stream, terminal=True).line("word " * 30, "\tend")
    assert stream.getvalue() == "word " * 30 + "\tend\n"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.usefixtures("columns")
def test_values_of_a_table_are_not_read_as_markup(terminal: bool) -> None:
    _, first, *_ = table(["web", "abc", "[red]x[/] :smile: \033[31mred", "me"], terminal=terminal)
    assert first == "web   abc      [red]x[/] :smile: red  me"


@pytest.mark.usefixtures("columns")
def test_a_line_is_not_read_as_markup() -> None:
    stream = io.StringIO()
    Report(stream, terminal=True).step("web", "nginx", "[red]x[/] " * 10)
    assert stream.getvalue().count("[red]x[/]") == 10


def test_a_table_that_is_not_on_a_terminal_is_uncut() -> None:
    subject, by = "a long subject " * 10 + "end", "developer.with.a.long.name@some.long.machine.example.com"
    titles, row = table(["web", "abc", subject, by], terminal=False)
    assert row == f"web   abc      {subject}  {by}"
    assert titles.split() == list(TITLES)


@pytest.mark.usefixtures("columns")
def test_a_table_on_a_terminal_has_styles() -> None:
    stream = io.StringIO()
    Report(stream, terminal=True).table(("a", "b"), [[Styled("live", "green"), "me"]], secondary=("b",))
    assert "\033[1ma" in stream.getvalue() and "\033[32mlive" in stream.getvalue() and "\033[2mme" in stream.getvalue()


@pytest.mark.usefixtures("columns")
def test_a_long_cell_is_shortened_and_a_release_never() -> None:
    release = "0123456789ab-abcdef"
    titles, row = table(["web", release, "张伟 " * 30, "me@desk"])
    assert release in row and row.endswith("me@desk") and "…" in row
    assert width(row) <= 60 and titles.index("by") == 60 - 2 - 7


def test_a_narrow_terminal_leaves_out_secondary_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "45")
    release = "0123456789ab-abcdef"
    titles, row, note = table(["web", release, "a subject that is long enough to cut", "me@desk"])
    assert titles.split() == ["host", "release", "subject"]
    assert release in row and row.endswith("…")
    assert note == "Not shown on a terminal of this width: by."


def test_a_release_is_whole_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    release = "0123456789ab-abcdef"
    titles, row, *_ = table(["web", release, "a subject that is long enough to cut", "me@desk"])
    assert titles.split() == ["host", "release", "subject"]
    assert row == f"web   {release}  a subje…"


@pytest.mark.parametrize(
    ("columns", "shown", "room"),
    [
        (80, ["host", "subject", "commit", "by"], 40),
        (60, ["host", "subject", "commit", "by"], 60 - 6 - 14 - 10 - 2),
        (45, ["host", "subject", "by"], 45 - 6 - 10 - 2),
        (30, ["host", "subject"], 22),
        (20, ["host", "subject"], 12),
        (10, ["host", "subject"], 8),
    ],
)
def test_the_columns_that_fit(columns: int, shown: list[str], room: int) -> None:
    widths = {"host": 4, "subject": 40, "commit": 12, "by": 8}
    assert fitting(widths, columns, "subject", ("commit", "by")) == (shown, room)


@pytest.mark.usefixtures("columns")
def test_an_error_is_wrapped_and_its_commands_are_whole() -> None:
    stream = io.StringIO()
    message = "web: the changes of nginx were made, but the server still differs from the settings in hosts.toml."
    command = f"    ssh-keygen -R {'x' * 60}"
    print_error(stream, message, f"Then run `fab -H web {'deploy ' * 7}--dry-run` again:\n{command}")
    rows = stream.getvalue().splitlines()
    assert [STYLE.sub("", row) for row in rows] == [
        "web: the changes of nginx were made, but the server still",
        "differs from the settings in hosts.toml.",
        "Then run",
        f"`fab -H web {'deploy ' * 7}--dry-run`",
        "again:",
        command,
    ]
    assert ["\033[31m" in row for row in rows] == [True, True, False, False, False, False]


@pytest.mark.usefixtures("columns")
def test_an_error_interrupts_no_other_output(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    report = Report(stream, terminal=True)
    report.begin("web", "nginx", "write")
    report.error(SelvedgeError("web: it broke.", "Repair it."))
    report.stop()
    assert capsys.readouterr().err == "web: it broke.\nRepair it.\n"


PROGRAM = """
import io, sys, time
from selvedge.errors import SelvedgeError
from selvedge.report import Report
report = Report(io.StringIO(), terminal={terminal})
report.hosts(["web"])
report.begin("web", "nginx", "write a file")
time.sleep(0.4)
report.done("web", "nginx", "write a file")
report.diff("+x")
report.table(["a"], [["b"]])
report.stop()
print(*sorted(name for name in sys.modules if name.partition(".")[0] in ("rich", "pygments", "markdown_it")))
"""


@pytest.mark.parametrize("terminal", [True, False])
def test_plain_output_loads_nothing_of_rich_and_a_terminal_only_what_it_shows(terminal: bool) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = PROGRAM.format(terminal=terminal)
    run = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True)
    loaded = run.stdout.split()
    if not terminal:
        assert not loaded
        return
    assert {"rich.console", "rich.live", "rich.table"} <= set(loaded)
    # Each of these would make a start on a terminal slower.
    slow = {"rich.progress", "rich.markdown", "rich.syntax", "rich.traceback", "rich.prompt", "pygments", "markdown_it"}
    assert not slow & set(loaded) and len(loaded) < 65, loaded


@pytest.mark.parametrize(
    ("closed", "stdout", "stderr"),
    [(">&-", "", "failed\n"), ("2>&-", "text\n", ""), ("<&-", "text\n", "failed\n"), ("<&- >&- 2>&-", "", "")],
)
def test_closed_streams_are_dev_null(closed: str, stdout: str, stderr: str) -> None:
    """A file or connection that is opened next gets another number than the closed stream."""
    code = (
        "import os, sys\nfrom selvedge.startup import open_closed_streams\nopen_closed_streams()\n"
        "from selvedge.errors import SelvedgeError\nfrom selvedge.report import Report\n"
        "Report().line('text')\nReport().error(SelvedgeError('failed', ''))\nassert sys.stdin.read() == ''\n"
        "sys.exit(os.open('/', os.O_RDONLY))"
    )
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code]
    done = subprocess.run(command, cwd=ROOT, input="", capture_output=True, text=True, check=False)
    assert done.returncode == 3, done
    assert (done.stdout, done.stderr) == (stdout, stderr)


def test_a_script_is_utf_8_whatever_the_terminal_can_show() -> None:
    code = "from selvedge.report import Report\nReport().line('é')\nReport().raw('# … 部署')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.stdout == "?\n# … 部署\n".encode(), done


@pytest.mark.usefixtures("columns")
def test_the_last_line_of_another_program_is_ended() -> None:
    """As many spaces as the terminal has columns move the cursor to the next line, except from the first column."""
    stream = io.StringIO()
    report = Report(stream, terminal=True)
    with report.lent():
        stream.write("no newline")
    report.line("next")
    assert stream.getvalue() == f"no newline{' ' * 60}\rnext\n"
