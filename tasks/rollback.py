"""Make an earlier release live again, or restart the live one."""

import selvedge as sv
from selvedge import operations

TO = sv.Option("to", "Roll back to this release: its name, or the start of it.", "")
KEEP = sv.Option("keep_database", "Roll back even if the database is newer than the code.")
DOWNGRADE = sv.Option("downgrade", "Also downgrade the database, after showing the SQL.")


@sv.operation(TO, KEEP, DOWNGRADE, sv.DRY_RUN, sv.SCRIPT, sv.WAIT, sv.REPORT)
def rollback(run, to="", keep_database=False, downgrade=False, **flags):
    """Roll back to the last good release."""
    operations.rollback.roll_back(run, to, keep=keep_database, downgrade=downgrade, flags=flags)


PROCESS = sv.Option("process", "Restart only this process of [processes].", "")


@sv.operation(PROCESS, sv.DRY_RUN, sv.SCRIPT, sv.WAIT, sv.REPORT)
def restart(run, process="", **flags):
    """Restart the app without dropping requests."""
    if process:
        operations.restart_process.restart_process(run, process, flags)
    else:
        operations.rollback.restart(run, flags)
