"""The shop's settings: environment variables, or a file `.env` next to this one during development."""

from functools import cache
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is an environment variable of the same name in capitals; an empty one counts as not set.

    Raises `pydantic.ValidationError` for a value of the wrong type. Its text does not include the value.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    # Secrets, because such an address often contains a password. Selvedge sets both on a server, without one.
    database_url: SecretStr = SecretStr("postgresql+psycopg:///shop")
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    # An order that no one has paid is deleted after so many days.
    keep_unpaid_days: int = 30

    # Selvedge sets these on a server. The defaults are for your own computer.
    app_shared: Path = Path()
    release: str = "local"

    @property
    def broker_url(self) -> str:
        """The address of Redis as Celery writes it: for a socket its form is not that of Redis's own client."""
        url = self.redis_url.get_secret_value()
        return url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")

    @property
    def uploads(self) -> Path:
        """The folder of pictures. It is in the only folder that the app may write to."""
        return self.app_shared.resolve() / "uploads"


@cache
def settings() -> Settings:
    """Return the settings, read once a process."""
    return Settings()
