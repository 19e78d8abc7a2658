"""`python3 -BIS /usr/local/lib/selvedge/messages COMMAND …`, as root; `send` runs as a temporary user, with apprise's Python.

/usr/local/lib/selvedge/notify runs the command `notify`. The units of systemd run the others, and `fab notify` runs `test`.
"""

import importlib
import sys

HOMES = {"notify": "notify", "done": "notify", "test": "trial", "ended": "ended", "check": "checks", "send": "sending"}
"""Command → the module with the function of this name."""


def main(command, *words):
    # A command must not load the modules of another one: systemd starts `ended` after each run of a timer.
    return getattr(importlib.import_module(f"messages.{HOMES[command]}"), command)(*words)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
