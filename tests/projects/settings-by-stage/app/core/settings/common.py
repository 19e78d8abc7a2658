from pydantic import SecretStr

from app.core.settings.base import Base


class Common(Base):
    debug: bool = False
    title: str = "Articles"
    api_prefix: str = "/api"
    database_url: str
    secret_key: SecretStr
