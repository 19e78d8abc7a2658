from functools import lru_cache

from app.core.settings.base import Base, Stage
from app.core.settings.common import Common
from app.core.settings.development import Development
from app.core.settings.production import Production


@lru_cache
def settings_of_stage() -> Common:
    return {Stage.dev: Development, Stage.prod: Production}[Base().app_env]()
