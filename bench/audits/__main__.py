"""Run audits and compare their results with the limits: `python -m bench.audits [--all-on] [NAME…]`.

With --all-on, the server has metrics and alerts, sends messages, shows the maintenance page, and has GoAccess for `fab traffic`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from bench.audits import ALL_ON, NAME, Result, Setup
from bench.audits.audits import AUDITS
from bench.common import deployed
from pebble import Pebble
from sandbox import network
from tests.support.webhook import webhook


@contextmanager
def setup(*, all_on: bool) -> Iterator[Setup]:
    """Yield a server that runs the sample app over HTTPS, a second server, and their certificate authority.

    all_on: with everything that shows its state.
    """
    with deployed(2) as (servers, project), tempfile.TemporaryDirectory() as folder:
        server, other = servers
        address = str(network.gateway(IPv4Network(f"{server.address}/24", strict=False)))
        with Pebble(address, Path(folder)) as pebble, webhook(address=address) as (place, _got):
            pebble.resolve(NAME, server.address)
            server.run(f"echo '{server.address} {NAME}' >>/etc/hosts")
            if not all_on:
                audited = Setup(server, other, project, pebble)
                audited.deploy()
            else:
                audited = Setup(server, other, project, pebble, ALL_ON, {"SELVEDGE_NOTIFY__URLS": f"json://{place}/"})
                audited.deploy()
                audited.fab("notify")
                audited.fab("traffic", "--install")
                audited.fab("maintenance", "--on")
            yield audited


def show(results: list[Result]) -> int:
    """Print a table. Return the exit status: 1 if a result exceeds its limit."""
    words = {None: "", True: "met", False: "EXCEEDED"}
    for each in results:
        print(f"{each.tool:<16} {each.measure:<42} {each.value:<24} {each.limit:<12} {words[each.passed]}")
    return int(any(each.passed is False for each in results))


def main(names: list[str]) -> int:
    """Run the named audits, or all of them. Return the exit status."""
    all_on = "--all-on" in names
    names = [name for name in names if name != "--all-on"]
    if not set(names) <= set(AUDITS):
        print(f"usage: python -m bench.audits [--all-on] [{'|'.join(AUDITS)}]…")
        return 2
    results: list[Result] = []
    with setup(all_on=all_on) as audited:
        for name in names or AUDITS:
            print(f"Running {name} …", flush=True)
            results += AUDITS[name](audited)
    return show(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
