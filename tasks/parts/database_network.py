"""A database that several servers use ([services] clients)."""

import selvedge as sv


def database_clients(app):
    """Open PostgreSQL to the other servers, or close it if none uses it."""
    if not app.database:
        yield sv.PostgresClients(app.name)
        return
    if app.machine.firewall:
        yield sv.PortAllowed(sv.POSTGRES_PORT, app.database.addresses, "the server", "it could not reach the database")
    text = sv.template("postgres/60-selvedge-app.conf.j2", app=app, certificate=sv.POSTGRES_CERTIFICATE, key=sv.POSTGRES_KEY)
    yield sv.PostgresClients.of(app, text, sv.template("postgres/network.conf.j2"))


def remote_database(app):
    """Have the certificate by which the app knows the database on another server."""
    yield sv.Packages("postgresql-client", "openssl")
    yield sv.DatabaseCertificate.of(app)
