"""The program `fab` of the package: Fabric's own, with a message that helps where there is no fabfile."""

from __future__ import annotations

import sys
from collections.abc import Callable

from fabric.main import program
from invoke.exceptions import Exit

NO_PROJECT = (
    "There is no fabfile.py in this folder or above it, so `fab` has no tasks here.\n"
    "Go to the app's repository. If it has none yet, run `selvedge init` there: it writes fabfile.py and hosts.toml."
)


def main() -> None:
    """Run Fabric's program. It ends the process."""
    program.load_collection = _explained(program.load_collection)
    program.run()


def _explained(load: Callable[[], None]) -> Callable[[], None]:
    """Return a function that loads the fabfile. Raises Exit with NO_PROJECT and status 2 if there is none."""

    def explained() -> None:
        try:
            load()
        except Exit as error:
            # Invoke has no other exception for it. A name after -c is the user's own.
            if str(error.message) != "Can't find any collection named 'fabfile'!":
                raise
            if "--complete" in sys.argv:
                # The shell would show the message in the middle of the line that is typed.
                raise SystemExit(2) from None
            raise Exit(NO_PROJECT, 2) from None

    return explained
