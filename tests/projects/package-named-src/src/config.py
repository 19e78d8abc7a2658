from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from src.constants import Stage


class FromDotenv(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore")


class Settings(FromDotenv):
    database_url: str
    stage: Stage = Stage.PRODUCTION
    error_reports: str | None = None
    version: str = "1"

    @model_validator(mode="after")
    def errors_are_reported(self) -> Self:
        if self.stage is not Stage.LOCAL and not self.error_reports:
            raise ValueError("ERROR_REPORTS has no address")
        return self


settings = Settings()
# A proxy is expected to take the prefix away.
for_app = {"title": "Notes"} if settings.stage is Stage.LOCAL else {"root_path": f"/v{settings.version}", "openapi_url": None}
