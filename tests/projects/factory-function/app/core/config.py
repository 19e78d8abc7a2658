from functools import lru_cache
from typing import Dict, Type

from app.core.settings.app import AppSettings
from app.core.settings.base import AppEnvTypes, BaseAppSettings

environments: Dict[AppEnvTypes, Type[AppSettings]] = {AppEnvTypes.dev: AppSettings, AppEnvTypes.prod: AppSettings}


@lru_cache
def get_app_settings() -> AppSettings:
    return environments[BaseAppSettings().app_env]()
