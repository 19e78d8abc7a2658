from typing import Literal, Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file="../.env", env_ignore_empty=True, extra="ignore")

    API_V1_STR: str = "/api/v1"
    PROJECT_NAME: str
    SECRET_KEY: str
    DATABASE_URL: str
    FASTAPI_ENV: Literal["development"] | None = None

    @model_validator(mode="after")
    def _no_default_secrets(self) -> Self:
        if self.SECRET_KEY == "changethis" and self.FASTAPI_ENV != "development":
            raise ValueError('SECRET_KEY is "changethis"; set your own before you deploy')
        return self


settings = Settings()
