"""Make an earlier release live again, or restart the live one."""

import selvedge as sv
from selvedge import operations

TO = sv.Option("to", "Roll back to this release: its name, or the start of it.", "")
KEEP = sv.Option("keep_database", "Roll back even if the database is newer than the code.")
DOWNGRADE = sv.Option("downgrade", "Also downgrade the database, after showing the SQL.")


@sv.operation(TO, KEEP, DOWNGRADE, sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def rollback(run, to="", keep_database=False, downgrade=False, **flags):
    """Roll back to the last good release."""
    operations.rollback.roll_back(run, to, keep=keep_database, downgrade=downgrade, flags=flags)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def restart(run, **flags):
    """Restart the app without dropping requests."""
    operations.rollback.restart(run, flags)
