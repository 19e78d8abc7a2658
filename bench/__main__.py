"""Run a benchmark on new sandbox servers and print its result: `python -m bench NAME`."""

from __future__ import annotations

import importlib
import sys

WITH_ARGUMENTS = ("against", "fleet", "load")
NAMES = {
    "nochange": "a second `fab setup deploy`, against a hand-written script that makes the same checks over one SSH connection; "
    "the same with processes, timers, services and backups, against without",
    "latency": "the same over a connection with a round trip of 50 ms",
    "release": "the time until new code is served, against a script that pulls and restarts",
    "fleet": "five and twenty servers against one, and a release to five, beside Ansible and pyinfra (30 minutes); "
    "other numbers of servers: python -m bench fleet 2 3",
    "listing": "the CPU time of `fab --list` against that of `import fabric`",
    "against": "all of the above for this checkout and for another one: python -m bench against FOLDER",
    "tricks": "the time that each optimization saves in a run with nothing to change (ten minutes)",
    "load": "the requests lost in ten deploys and ten rollbacks under load, for two apps, and the jobs of a queue that "
    "are lost, done twice or killed (50 minutes); --jobs: only these (ten minutes); --balancer: only the requests of three servers "
    "with a balancer (ten minutes); --server, --manager",
    "serving": "the requests per second of an app with 1 kB of JSON, against a tutorial's set-up (five minutes)",
    "servers": "the app servers: requests per second, latency at half load, memory (five minutes)",
    "tools": "a release and a second run, against a script, Fabric, Ansible and pyinfra (ten minutes)",
}


def main() -> int:
    """Run the named benchmark, or list all of them. Return the exit status."""
    name, *arguments = [*sys.argv[1:], ""][: max(1, len(sys.argv) - 1)]
    if name not in NAMES or (arguments and name not in WITH_ARGUMENTS) or (name == "against" and len(arguments) != 1):
        for each, description in NAMES.items():
            print(f"python -m bench {each:<10} {description}")
        return 2
    importlib.import_module(f"bench.{name}").main(*arguments)
    return 0


sys.exit(main())
