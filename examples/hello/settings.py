"""The app's settings: environment variables, or a file `.env` next to this one during development."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

VERSION = "1.0.0"


class Settings(BaseSettings):
    """The settings. Each field is an environment variable of the same name in capitals; an empty one counts as not set.

    Raises `pydantic.ValidationError` for a value of the wrong type. Its text does not include the value.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    greeting: str = "Hello from the selvedge"
    environment: str = "development"
    # A secret, because a database URL often contains a password.
    database_url: SecretStr | None = None
    api_token: SecretStr | None = None

    # Selvedge sets these three on a server. The defaults are for your own computer.
    app_shared: Path = Path()
    release: str = "local"
    commit: str = "unknown"

    @property
    def database_file(self) -> Path:
        """The SQLite file, if `DATABASE_URL` is not set. It is in the only folder that the app may write to."""
        return self.app_shared.resolve() / "hello.sqlite3"
