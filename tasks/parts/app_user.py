"""The user that runs the app."""

import selvedge as sv


def app_user(app):
    """Yield the user. The steps of the services need it before the code is there."""
    yield sv.User(app.name, app.paths.shared, system=True, shell="/usr/sbin/nologin", comment=f"runs {app.name}")
