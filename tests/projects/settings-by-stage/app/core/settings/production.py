from app.core.settings.common import Common


class Production(Common):
    class Config(Common.Config):
        env_file = "prod.env"
