"""The findings of an operation, as lines."""

from __future__ import annotations

from collections.abc import Iterable

from selvedge.operations.check_results import Finding


def lines(findings: Iterable[Finding], level: str = "") -> list[str]:
    """Return the findings of a level, or all warnings and problems, each as "subject: text"."""
    wanted = (level,) if level else ("warning", "problem")
    return [f"{each.subject}: {each.text}" for each in findings if each.level in wanted]
