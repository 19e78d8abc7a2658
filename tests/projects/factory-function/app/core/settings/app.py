import sys

from loguru import logger
from pydantic import SecretStr

from app.core.settings.base import BaseAppSettings


class AppSettings(BaseAppSettings):
    title: str = "FastAPI example application"
    database_url: str
    secret_key: SecretStr
    api_prefix: str = "/api"

    class Config:
        validate_assignment = True

    def configure_logging(self) -> None:
        logger.configure(handlers=[{"sink": sys.stderr, "level": "INFO"}])
