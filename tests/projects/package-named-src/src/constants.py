from enum import Enum


class Stage(str, Enum):
    LOCAL = "local"
    PRODUCTION = "production"
