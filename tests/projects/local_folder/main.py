from common import value  # noqa: F401
