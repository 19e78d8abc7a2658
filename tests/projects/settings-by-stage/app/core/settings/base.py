from enum import Enum

from pydantic import BaseSettings


class Stage(Enum):
    prod = "prod"
    dev = "dev"


class Base(BaseSettings):
    app_env: Stage = Stage.prod

    class Config:
        env_file = ".env"
