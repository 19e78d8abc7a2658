"""An app that is to leave its servers."""

from selvedge.errors import UsageError
from selvedge.task import DRY_RUN, SCRIPT, WAIT, Option, Step, operation
from tasks.bans import no_site_bans

YES = Option("yes", "Do it: without this flag nothing is removed.")
DATA = Option("data", "What the app has written goes, too: shared/, its logs and history.")


@operation(YES, DATA, DRY_RUN, SCRIPT, WAIT)
def remove(run, yes=False, data=False, **flags):
    """Take the app off a server; what it has written stays."""
    if not (yes or flags.get("dry_run") or flags.get("script")):
        raise UsageError("`fab remove` takes the app off the server.", "See what goes by --dry-run; do it by --yes.")

    def removed(app):
        from selvedge.operations.remove import Removed

        yield from no_site_bans(app)
        yield Removed(app, data)

    run.chain([Step(removed, name="remove")], flags)
