"""The functions that tasks/ call in selvedge.operations."""

from __future__ import annotations

import re

from selvedge import operations
from tests.support.paths import ROOT


def test_functions_that_tasks_call_exist() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "tasks").glob("*.py"))
    called = set(re.findall(r"\boperations\.(\w+)\.(\w+)\(", text))
    assert len(called) > 12
    assert not [f"{module}.{name}" for module, name in called if not hasattr(getattr(operations, module), name)]
