"""What was found about a server, good or bad: a line on the screen, and with what is bad, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from selvedge.operations.output import clean
from selvedge.report import Report
from selvedge.value import Value

Level = Literal["ok", "warning", "problem"]
_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


class Finding(Value):
    """subject: a word, e.g. "disk". text: what was seen. remedy: one sentence, for what is not ok."""

    level: Level
    subject: str
    text: str
    remedy: str = ""

    @property
    def plain(self) -> dict[str, str]:
        """As JSON has it."""
        return {key: str(value) for key, value in vars(self).items() if value}


def ok(subject: str, text: str) -> Finding:
    """As it should be."""
    return Finding("ok", subject, text)


def warning(subject: str, text: str, remedy: str = "") -> Finding:
    """It works, and may not for long."""
    return Finding("warning", subject, text, remedy)


def problem(subject: str, text: str, remedy: str = "") -> Finding:
    """It does not work."""
    return Finding("problem", subject, text, remedy)


def show(report: Report, host: str, findings: Sequence[Finding]) -> None:
    """A line for each, and one more for what to do."""
    for each in findings:
        mark, color = _MARKS[each.level]
        report.step(host, each.subject.ljust(11), f"{report.paint(mark, color)} {clean(each.text)}")
        if each.remedy:
            report.step(host, " " * 11, f"  → {clean(each.remedy)}")


def sick(found: Mapping[str, Sequence[Finding]]) -> list[str]:
    """A sentence for each host with problems."""
    return [
        f"{host}: {', '.join(dict.fromkeys(each.subject for each in findings if each.level == 'problem'))}"
        for host, findings in found.items()
        if any(each.level == "problem" for each in findings)
    ]
