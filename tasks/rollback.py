"""Make an earlier release live again, or restart the live one."""

import selvedge as sv
from selvedge import operations

TO = sv.Option("to", "The release to go back to, or the beginning of its name.", "")
KEEP = sv.Option("keep_database", "Go back although the database is ahead of the older code.")
DOWNGRADE = sv.Option("downgrade", "Take the database back, too: prints the SQL, then runs `alembic downgrade`.")


@sv.operation(TO, KEEP, DOWNGRADE, sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def rollback(run, to="", keep_database=False, downgrade=False, **flags):
    """Make the last good release live again."""
    operations.rollback.roll_back(run, to, keep=keep_database, downgrade=downgrade, flags=flags)


@sv.operation(sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def restart(run, **flags):
    """Start the live release again, losing no request."""
    operations.rollback.restart(run, flags)
