"""What the app is told from outside: environment variables, or a file `.env` beside it while you develop."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

VERSION = "1.0.0"


class Settings(BaseSettings):
    """Each field is an environment variable of the same name in capitals; an empty one counts as not set.

    Raises `pydantic.ValidationError` for a value of the wrong type; its text does not repeat the value.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    greeting: str = "Hello from the selvedge"
    environment: str = "development"
    # A database URL often holds a password, so it is a secret like the other.
    database_url: SecretStr | None = None
    api_token: SecretStr | None = None

    # These three come from the deployment; the defaults are for your own computer.
    app_shared: Path = Path()
    release: str = "local"
    commit: str = "unknown"

    @property
    def database_file(self) -> Path:
        """The SQLite file that is used when no `DATABASE_URL` is given: in the only folder the app may write."""
        return self.app_shared.resolve() / "hello.sqlite3"
