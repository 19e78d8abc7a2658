from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from src.constants import Environment


class CustomBaseSettings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")


class Config(CustomBaseSettings):
    DATABASE_URL: str
    ENVIRONMENT: Environment = Environment.PRODUCTION
    SENTRY_DSN: str | None = None

    @model_validator(mode="after")
    def validate_sentry(self) -> "Config":
        if self.ENVIRONMENT is Environment.PRODUCTION and not self.SENTRY_DSN:
            raise ValueError("Sentry is not set")
        return self


settings = Config()
