"""Back to the release before, and the same release started anew."""

from selvedge.task import DRY_RUN, SCRIPT, WAIT, Option, operation

TO = Option("to", "The release to go back to, or the beginning of its name.", "")
KEEP = Option("keep_database", "Go back although the database is ahead of the older code.")
DOWNGRADE = Option("downgrade", "Take the database back, too: prints the SQL, then runs `alembic downgrade`.")


@operation(TO, KEEP, DOWNGRADE, DRY_RUN, SCRIPT, WAIT)
def rollback(run, to="", keep_database=False, downgrade=False, **flags):
    """Make the last good release live again."""
    from selvedge.operations.rollback import roll_back

    roll_back(run, to, keep=keep_database, downgrade=downgrade, flags=flags)


@operation(DRY_RUN, SCRIPT, WAIT)
def restart(run, **flags):
    """Start the live release anew, losing no request."""
    from selvedge.operations.rollback import restart

    restart(run, flags)
