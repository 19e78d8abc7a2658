"""PostgreSQL on the app's server, with a database for the app ([services] postgres)."""

import selvedge as sv
from selvedge.release import preconditions

from .parts.app_user import app_user
from .parts.backups import backups
from .parts.database_network import database_clients, remote_database
from .parts.messages import messages


@sv.step(precondition=preconditions.postgres)
def postgres(app):
    """Install PostgreSQL; give the app its own database."""
    if app.remote_database:
        yield from remote_database(app)
    if not app.services.postgres:
        return
    if app.database and app.backup.to:
        # PostgreSQL rejects the other servers until the restore is finished, and this step would let them in.
        yield sv.NotHalfRestored.of(app)
    yield sv.PostgresInstalled(app.name)
    yield sv.Enabled("postgresql.service")
    yield from app_user(app)
    yield sv.PostgresSettings(app.name, sv.template("postgres/50-selvedge.conf.j2"))
    yield sv.PostgresDatabase(app.name)
    yield from database_clients(app)
    if app.has_only_database:
        # No release of the app sets them up. The backups call the program of the messages.
        yield from messages(app)
        yield from backups(app)
