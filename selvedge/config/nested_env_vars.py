"""From the names of env vars to nested tables, as pydantic-settings does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from selvedge.config.schema import value_from_text
from selvedge.config.secret_names import PREFIX
from selvedge.config.settings import Settings


class _Named(Settings, BaseSettings):
    """The settings with the names that pydantic-settings gives them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")


class _Source(EnvSettingsSource):
    """pydantic-settings' conversion, for env vars from any mapping."""

    def __init__(self, env_vars: Mapping[str, str]) -> None:
        super().__init__(_Named)
        self.env_vars = {name.lower(): value for name, value in env_vars.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002  (pydantic-settings' signature)
        return value_from_text(field.annotation, value) if field else value


def nested_tables(env_vars: Mapping[str, str]) -> dict[str, Any]:
    """Return nested tables of what the env vars set: SELVEDGE_APP__BRANCH is "branch" in "app"."""
    found: dict[str, Any] = _Source(env_vars)()
    return found
