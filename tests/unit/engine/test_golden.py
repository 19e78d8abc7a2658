"""The scripts of every step on a bare server are those in golden/."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from tests.support.steps import HOSTS, legible, scripts

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", HOSTS)
def test_scripts_are_as_they_were(host: Callable[..., Target], name: str) -> None:
    found = {f"{name}.{what}.sh": legible(script) for what, script in scripts(host(name)).items()}
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
