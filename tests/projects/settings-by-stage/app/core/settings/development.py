from app.core.settings.common import Common


class Development(Common):
    debug = True
    title = "Articles (development)"
