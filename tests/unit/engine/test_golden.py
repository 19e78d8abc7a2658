"""The scripts of every step on a bare server are those in golden/, so that a review shows every change of them.

`GOLDEN=write pytest tests/unit/engine/test_golden.py` writes them again; look at the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.plan import Plan
from selvedge.settings import Target
from tests.support.plans import summaries
from tests.support.steps import HOSTS, legible, parts, planned, steps

GOLDEN = Path(__file__).parent / "golden"


def annotated(script: str, section: Plan) -> str:
    """Return the script of a section with the summary of each change before its function."""
    changes = summaries(section)
    head = re.compile(r"^change_(\d+)\(\) \($", re.MULTILINE)
    return head.sub(lambda found: f"# change {found[1]}: {changes[int(found[1])]}\n{found[0]}", script)


def rendered(app: Target) -> dict[str, str]:
    """Return the scripts of a host as its golden files have them."""
    found = {what: [legible(script) for script in sections] for what, sections in parts(app).items()}
    for step in steps(app):
        sections = zip(found[f"{step.name}.apply"], planned(step, app).sections(), strict=True)
        found[f"{step.name}.apply"] = [annotated(script, section) for script, section in sections]
    return {what: "".join(sections) for what, sections in found.items()}


@pytest.mark.parametrize("name", HOSTS)
def test_scripts_are_the_golden_ones(host: Callable[..., Target], name: str) -> None:
    found = {f"{name}.{what}.sh": text for what, text in rendered(host(name)).items()}
    if os.environ.get("GOLDEN") == "write":
        for path in GOLDEN.glob(f"{name}.*"):
            path.unlink()
        for file, text in found.items():
            GOLDEN.mkdir(exist_ok=True)
            (GOLDEN / file).write_text(text, encoding="utf-8")
    assert sorted(found) == sorted(path.name for path in GOLDEN.glob(f"{name}.*"))
    for file, text in found.items():
        how = "If the change is meant: GOLDEN=write pytest tests/unit/engine/test_golden.py"
        assert text == (GOLDEN / file).read_text(encoding="utf-8"), f"{file} is another script now. {how}"
