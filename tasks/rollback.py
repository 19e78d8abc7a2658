"""Back to the release before."""

from selvedge.step import DRY_RUN, SCRIPT, WAIT, Option, operation

TO = Option("to", "The release to go back to, or the beginning of its name.", "")


@operation(TO, DRY_RUN, SCRIPT, WAIT)
def rollback(run, to="", **flags):
    """Make the last good release live again."""
    from selvedge.rollback import choose, step_to

    chosen = {host: choose(host, standing, to) for host, standing in run.standings().items()}
    for host, record in chosen.items():
        run.report.step(host, "rollback", f"to {record.id} ({record.subject or 'no subject'}, live on {record.at})")
    run.step(step_to(chosen), flags)
