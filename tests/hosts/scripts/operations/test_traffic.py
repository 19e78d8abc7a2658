"""GoAccess's report of nginx's log: what the shell sends to it, and its answers without a log or without GoAccess."""

from __future__ import annotations

import gzip
import json
import shutil
import time

import pytest

from selvedge.engine.script import script
from selvedge.operations.traffic import FORMAT, PROGRAM, TIMED
from selvedge.shell.library import call
from tests.hosts.scripts.server import Server
from tests.unit.shell.test_traffic import as_json, combined

LOG = "/var/log/hello/nginx-access.log"


@pytest.fixture
def server(server: Server) -> Server:
    """A server with a log of two requests, without systemd, whose GoAccess shows its words and its input."""
    server.path(LOG).parent.mkdir(parents=True)
    server.path(LOG).write_text(f"{combined(0.1, '/a')}\n{combined(0.2, '/b')}\n")
    server.program("systemd-run", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    return server


def ask(server: Server, function: str, *words: str, given: bytes = b"") -> tuple[int, bytes, str]:
    """Return the exit status of a function, its output and its errors."""
    server.path("/root/given").write_bytes(given)
    calling = call(function, *words, program=PROGRAM.read_text())
    done = server.run(script(f"main() {{\n{calling}\n}}", "set -eu\nmain </root/given 2>/root/said", mark="@m"))
    return done.returncode, done.stdout, server.path("/root/said").read_text()


def test_goaccess_gets_all_requests_and_its_words(server: Server) -> None:
    server.program("goaccess", 'echo "$*"; cat')
    more = gzip.compress(f"{combined(1, '/elsewhere')}\n".encode())
    status, out, said = ask(server, "traffic_report", "html", "yes", "7", "", LOG, *FORMAT, "--anonymize-ip", given=more)
    words, *lines = out.decode().splitlines()
    assert (status, said.splitlines()[-1]) == (0, "requests 2")
    assert words == "--no-global-config --no-progress --log-format=COMBINED --anonymize-ip -"
    assert [line.split('"')[1].split()[1] for line in lines] == ["/elsewhere", "/a", "/b"]


def test_a_log_is_packed_for_another_server(server: Server) -> None:
    status, out, said = ask(server, "traffic_packed", "7", "timed", LOG)
    assert (status, said) == (0, "requests 2\n")
    assert gzip.decompress(out).decode().count("\n") == 2


def test_there_is_no_log(server: Server) -> None:
    server.program("goaccess", "cat")
    server.path(LOG).unlink()
    for function, words in (("traffic_report", ["html", ""]), ("traffic_packed", [])):
        status, _, said = ask(server, function, *words, "7", "", LOG)
        assert status == 4 and f"missing {LOG}" in said, function


def test_goaccess_is_missing(server: Server) -> None:
    server.program("command", "exit 1")
    shell = call("traffic_report", "html", "", "7", "", LOG, program="").replace("traffic_report ", "PATH=/none traffic_report ")
    assert server.run(script(shell)).returncode == 3


@pytest.mark.skipif(not shutil.which("goaccess"), reason="this machine has no GoAccess")
@pytest.mark.parametrize("timed", [False, True])
def test_goaccess_understands_the_lines(server: Server, timed: bool) -> None:
    lines = [as_json(0.1, address=f"203.0.113.{number}", duration=0.5) for number in range(5)]
    server.path(LOG).write_text("\n".join([combined(0.1), *lines, ""]))
    words = TIMED if timed else FORMAT
    status, out, _ = ask(server, "traffic_report", "json", "", "7", "timed" if timed else "", LOG, *words, "--anonymize-ip")
    found = json.loads(out)
    assert status == 0 and (found["general"]["valid_requests"], found["general"]["failed_requests"]) == (6, 0)
    assert {each["data"] for each in found["hosts"]["data"]} == {"203.0.113.0"}, "the end of an address is left out"
    hour = found["requests"]["data"][0]
    assert ("avgts" in hour) is timed
    assert found["general"]["start_date"] == time.strftime("%d/%b/%Y", time.gmtime(time.time() - 8640))
