"""Run audits and compare their results with the limits: `python -m bench.audits [NAME…]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from bench.audits import NAME, Result, Setup
from bench.audits.audits import AUDITS
from bench.common import deployed
from pebble import Pebble
from sandbox import network


@contextmanager
def setup() -> Iterator[Setup]:
    """Yield a server that runs the sample app over HTTPS, a second server, and their certificate authority."""
    with deployed(2) as (servers, project), tempfile.TemporaryDirectory() as folder:
        server, other = servers
        address = str(network.gateway(IPv4Network(f"{server.address}/24", strict=False)))
        with Pebble(address, Path(folder)) as pebble:
            pebble.resolve(NAME, server.address)
            server.run(f"echo '{server.address} {NAME}' >>/etc/hosts")
            audited = Setup(server, other, project, pebble)
            audited.deploy()
            yield audited


def show(results: list[Result]) -> int:
    """Print a table. Return the exit status: 1 if a result exceeds its limit."""
    words = {None: "", True: "met", False: "EXCEEDED"}
    for each in results:
        print(f"{each.tool:<16} {each.measure:<42} {each.value:<24} {each.limit:<12} {words[each.passed]}")
    return int(any(each.passed is False for each in results))


def main(names: list[str]) -> int:
    """Run the named audits, or all of them. Return the exit status."""
    if not set(names) <= set(AUDITS):
        print(f"usage: python -m bench.audits [{'|'.join(AUDITS)}]…")
        return 2
    results: list[Result] = []
    with setup() as audited:
        for name in names or AUDITS:
            print(f"Running {name} …", flush=True)
            results += AUDITS[name](audited)
    return show(results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
