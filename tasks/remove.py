"""Remove an app from its servers."""

import selvedge as sv
from selvedge import operations
from tasks.chains import deploy
from tasks.parts.bans import no_site_bans

YES = sv.Option("yes", "Do it: without this flag nothing is removed.")
DATA = sv.Option("data", "What the app has written goes, too: shared/, its logs and history.")


@sv.operation(YES, DATA, sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def remove(run, yes=False, data=False, **flags):
    """Take the app off a server; what it has written stays."""
    if not (yes or flags.get("dry_run") or flags.get("script")):
        raise sv.UsageError("`fab remove` takes the app off the server.", "See what goes by --dry-run; do it by --yes.")

    def removed(app):
        yield from no_site_bans(app)
        yield operations.remove.Removed(app, operations.remove.owned_paths(deploy, app), data)

    run.chain([sv.Step(removed, name="remove")], flags)
