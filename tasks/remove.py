"""Remove an app from its servers."""

import selvedge as sv
from selvedge import operations

from .chains import deploy
from .parts.bans import no_site_bans

YES = sv.Option("yes", "Confirm: without this flag, nothing is removed.")
DATA = sv.Option("data", "Also delete the app's data: shared/, logs and history.")


@sv.operation(YES, DATA, sv.DRY_RUN, sv.SCRIPT, sv.WAIT)
def remove(run, yes=False, data=False, **flags):
    """Remove the app from its servers, but keep its data."""
    if not (yes or flags.get("dry_run") or flags.get("script")):
        problem = f"`fab remove` deletes the app {run.settings.app.name} from its servers, so it needs the flag --yes."
        raise sv.UsageError(problem, "See what it would delete with `fab remove --dry-run`.")

    def resources(app):
        owned = (*operations.remove.owned_paths(deploy, app), *sv.maintenance_paths(app))
        removed = operations.remove.Removed(app, owned, data)
        yield operations.remove.NoStrangers(removed)
        yield from no_site_bans(app)
        yield sv.NoBackend.of(app)
        yield removed
        if data:
            if app.machine.firewall:
                yield sv.AddressesShutOut(app.name)
            yield operations.remove.TracesRemoved(removed)

    run.chain([sv.Step(resources, name="remove")], flags)
