"""`python -m bench.judges [NAME…]`: what judges say of a server after `fab setup deploy`, and the limits they are held to."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from bench.judges import NAME, Bench, Verdict
from bench.judges.judges import JUDGES
from bench.place import place
from pebble import Pebble
from sandbox import network


@contextmanager
def bench() -> Iterator[Bench]:
    """A server with the sample app over HTTPS, a second one beside it, and their authority."""
    with place(2) as (servers, project), tempfile.TemporaryDirectory() as folder:
        server, other = servers
        address = str(network.gateway(IPv4Network(f"{server.address}/24", strict=False)))
        with Pebble(address, Path(folder)) as pebble:
            pebble.resolve(NAME, server.address)
            server.run(f"echo '{server.address} {NAME}' >>/etc/hosts")
            here = Bench(server, other, project, pebble)
            here.deploy()
            yield here


def show(verdicts: list[Verdict]) -> int:
    """A table; the exit status: 1 where a limit is not kept."""
    words = {None: "", True: "kept", False: "NOT KEPT"}
    for each in verdicts:
        print(f"{each.judge:<16} {each.measure:<42} {each.found:<24} {each.limit:<12} {words[each.kept]}")
    return int(any(each.kept is False for each in verdicts))


def main(names: list[str]) -> int:
    """Ask the named judges, or all of them."""
    if not set(names) <= set(JUDGES):
        print(f"python -m bench.judges [{'|'.join(JUDGES)}]…")
        return 2
    verdicts: list[Verdict] = []
    with bench() as here:
        for name in names or JUDGES:
            print(f"Asking {name} …", flush=True)
            verdicts += JUDGES[name](here)
    return show(verdicts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
