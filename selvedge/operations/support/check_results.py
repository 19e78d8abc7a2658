"""Results of checks: each is ok, a warning or a problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from selvedge.operations.support.text import clean
from selvedge.report import Report
from selvedge.report.text import Style, Styled
from selvedge.value import Value

Level = Literal["ok", "warning", "problem"]
_MARKS: dict[Level, tuple[str, Style]] = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


class CheckResult(Value):
    """The result of one check. subject: a word, e.g. "disk". remedy: one sentence, for warnings and problems."""

    level: Level
    subject: str
    text: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the fields that are not empty, for JSON."""
        return {key: str(value) for key, value in vars(self).items() if value}


def ok(subject: str, text: str) -> CheckResult:
    """Return the result of a check that passed."""
    return CheckResult("ok", subject, text)


def warning(subject: str, text: str, remedy: str = "") -> CheckResult:
    """Return a warning: something works, but may soon fail."""
    return CheckResult("warning", subject, text, remedy)


def problem(subject: str, text: str, remedy: str = "") -> CheckResult:
    """Return a problem: something does not work."""
    return CheckResult("problem", subject, text, remedy)


def has_problem(results: Iterable[CheckResult]) -> bool:
    """Return whether one of the results is a problem."""
    return any(result.level == "problem" for result in results)


def print_results(report: Report, host: str, results: Iterable[CheckResult]) -> None:
    """Print a line for each result, and one for its remedy."""
    for result in results:
        mark, style = _MARKS[result.level]
        report.step(host, result.subject.ljust(11), Styled(mark, style), f" {clean(result.text)}")
        if result.remedy:
            report.step(host, " " * 11, f"  → {clean(result.remedy)}")


def problem_summaries(results_by_host: Mapping[str, Sequence[CheckResult]]) -> list[str]:
    """Return the subjects of the problems of each host that has any, e.g. "web-1: app, disk"."""
    return [
        f"{host}: {', '.join(dict.fromkeys(result.subject for result in results if result.level == 'problem'))}"
        for host, results in results_by_host.items()
        if has_problem(results)
    ]
