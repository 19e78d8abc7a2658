"""Fixtures that load a hosts.toml, or return its problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.load import load
from selvedge.config.settings import Settings
from selvedge.errors import ConfigError

Load = Callable[..., Settings]


@pytest.fixture
def settings(tmp_path: Path) -> Load:
    """Load a hosts.toml of this text, without any settings of this machine."""

    def from_text(text: str, environ: Mapping[str, str] | None = None, **more: Any) -> Settings:
        (tmp_path / "hosts.toml").write_text(text, encoding="utf-8")
        around = {"SELVEDGE_SANDBOX_DIR": str(tmp_path / "sandbox"), **(environ or {})}
        return load(tmp_path / "hosts.toml", environ=around, **more)

    return from_text


Problems = Callable[..., list[str]]


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Problems:
    """Return the lines of the error for a hosts.toml of this text, none if it loads."""
    monkeypatch.chdir(tmp_path)

    def of(text: str, environ: Mapping[str, str] | None = None, **more: Any) -> list[str]:
        (tmp_path / "hosts.toml").write_text(text, encoding="utf-8")
        around = {"SELVEDGE_SANDBOX_DIR": str(tmp_path / "sandbox"), **(environ or {})}
        try:
            load(environ=around, **more)
        except ConfigError as error:
            assert error.status == 2
            return str(error).splitlines()
        return []

    return of
