"""The results of checks, as lines."""

from __future__ import annotations

from collections.abc import Iterable

from selvedge.operations.support.check_results import CheckResult


def lines(results: Iterable[CheckResult], level: str = "") -> list[str]:
    """Return the results of a level, or all warnings and problems, each as "subject: text"."""
    wanted = (level,) if level else ("warning", "problem")
    return [f"{each.subject}: {each.text}" for each in results if each.level in wanted]
