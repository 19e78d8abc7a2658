"""Backups of the app's files and databases."""

import selvedge as sv
from selvedge import operations

from .parts import backups as parts

JSON = sv.Option("json", "Print one JSON document for all hosts, and nothing else.")
REHEARSE = sv.Option("rehearse", "Restore the newest into a temporary folder and compare.")
DOWNLOAD = sv.Option("download", "Also write the backup to this file of your machine.", "")
ACCEPT = sv.Option("yes", "Accept the backup host's key without a question.")
SNAPSHOT = sv.Option("snapshot", "Restore this backup: its id, or the start of it.", "")
FROM = sv.Option("from_", "Restore this file of `fab backup --download FILE`.", "")
LIVE = sv.Option("live", "Replace the app's data. The app stops meanwhile.")
STOPPED = sv.Option("app_stopped", "The app is stopped on all servers of services.clients.")
YES = sv.Option("yes", "Replace the data without a question.")


def setup(app):
    """Set up the backups. Their folders belong to the group of the app's user, whom an earlier step has made."""
    if app.backup.to:
        yield sv.Needs("/etc/postgresql", "postgres") if app.has_only_database else sv.Needs(app.paths.shared, "clone")
    yield from parts.backups(app)


@sv.operation(REHEARSE, DOWNLOAD, ACCEPT, sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def backup(run, rehearse=False, download="", yes=False, **flags):
    """Back up the app's files and databases now."""
    operations.backup.take(run, setup, rehearse=rehearse, download=download, yes=yes, flags=flags)


@sv.operation(JSON)
def backups(run, json=False):
    """List the backups of the app."""
    operations.backup.backups(run, as_json=json)


@sv.operation(SNAPSHOT, FROM, LIVE, STOPPED, YES, sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def restore(run, snapshot="", from_="", live=False, app_stopped=False, yes=False, **flags):
    """Restore a backup beside the app's data, or in its place."""
    stopped = app_stopped
    operations.backup.restore(run, setup, snapshot=snapshot, file=from_, live=live, stopped=stopped, yes=yes, flags=flags)
