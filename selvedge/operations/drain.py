"""`fab drain` and `fab undrain`: keep the balancers away from a web server, and let them come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selvedge.errors import SelvedgeError, UsageError
from selvedge.release.backends import none_left
from selvedge.release.drained import drain_step
from selvedge.run import Run


def drain(run: Run, flags: Mapping[str, Any]) -> None:
    """Have every host refuse its balancers. Raises SelvedgeError, also if no other backend answers; UsageError if there is none."""
    _check(run)
    names = [session.name for session in run.fleet.sessions]
    members = run.settings.balancer.members(run.settings.groups)
    if set(members) <= set(names):
        remedy = "Leave out at least one of them. To stop the app everywhere, run `fab stop`."
        raise UsageError(f"No backend would be left: {', '.join(members)} are all that there are.", remedy)
    if not flags.get("script") and (reason := none_left(run.fleet, names)):
        others = ",".join(name for name in members if name not in names)
        remedy = f"Run `fab -H {others} status` to find the cause, and `fab -H {others} undrain` if they are drained."
        raise SelvedgeError(f"No backend would be left: {reason}. Nothing was changed.", remedy)
    run.chain([drain_step(drained=True)], flags)


def undrain(run: Run, flags: Mapping[str, Any]) -> None:
    """Have every host take the requests of its balancers again, also one that was drained before it left them.

    Raises SelvedgeError.
    """
    _check(run, former=True)
    run.chain([drain_step(drained=False)], flags)


def _check(run: Run, *, former: bool = False) -> None:
    """Check that the hosts are backends. former: or may have been, as every host may that runs the app. Raises UsageError."""
    for session in run.fleet.sessions:
        if not (session.target.balancers or (former and session.target.runs_here)):
            remedy = "Add it to the group that `backends` names under [balancer] in hosts.toml."
            raise UsageError(f"{session.name} is not a backend of a balancer.", remedy)
