"""A web server that leaves its balancer while it is drained: nothing of a backend stays."""

from __future__ import annotations

import pytest

from drills import QUICK
from lab import Lab, Project
from sandbox import Server
from traffic import get

pytestmark = pytest.mark.thorough
BALANCER = '[hosts.lb]\naddress = "LB"\n[balancer]\nhosts = ["lb"]\nbackends = "web"\n'
BALANCER += '[groups]\nweb = ["NAME"]\n[rollout]\ndrain = true\n'
FILES = "/etc/nginx/selvedge /etc/systemd/system /etc/systemd/system/multi-user.target.wants /var/lib/selvedge/loaded"


def left(server: Server) -> str:
    """Return what the server has of a backend."""
    files, tables = f"ls {FILES} 2>/dev/null | grep -E 'drained|leave' || :", "nft list tables | grep selvedge_ || :"
    return server.run(f"{files}; {tables}; systemctl list-units --plain -q 'selvedge-*.hello.service'").stdout


@pytest.mark.parametrize("command", [("deploy",), ("remove", "--yes")], ids=lambda words: words[0])
def test_a_drained_server_leaves_its_balancer(lab: Lab, shared_project: Project, command: tuple[str, ...]) -> None:
    project, server = shared_project, lab.server("deployed")
    server.run("apt-get -qq install -y nftables >/dev/null 2>&1 || :")
    host = project.host_settings(server)
    me = server.run("ip -o route get 192.0.2.1").stdout.split(" via ")[1].split()[0]
    project.configure(f"{host}\n{BALANCER.replace('NAME', server.name).replace('LB', me)}", **QUICK)
    project.must("-H", server.name, "deploy")
    server.run("systemctl enable --now -q selvedge-drained.hello.service")
    assert all(word in left(server) for word in ("selvedge_hello", "selvedge-leave.hello.service"))
    with pytest.raises(OSError):
        get(f"{server.url}/health", timeout=2)

    project.configure(host, **QUICK)
    if command == ("deploy",):
        assert "hello is not drained" not in project.must("-H", server.name, "undrain").stdout
        assert project.must("-H", server.name, "undrain").stdout.count("hello is not drained") == 1
        server.run("systemctl enable --now -q selvedge-drained.hello.service")
    result = project.must("-H", server.name, *command)
    assert "remove the rules and units of a backend" in result.stdout, result
    assert left(server) == ""
    if command == ("deploy",):
        assert get(f"{server.url}/health").status == 200
    assert "nothing to change" in project.must("-H", server.name, *command).stdout
