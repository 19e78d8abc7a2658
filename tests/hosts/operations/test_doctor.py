"""`fab doctor` names each fault and a remedy, and passes on a healthy server."""

from __future__ import annotations

import pytest

from lab import Project, until
from sandbox import Server
from traffic import get

FAULTS = {
    "socket": ("chmod 0700 /run/hello", "chmod 2750 /run/hello", "www-data cannot access /run/hello"),
    "foreign site": (
        "echo 'server { broken' >/etc/nginx/sites-enabled/zz", "rm /etc/nginx/sites-enabled/zz",
        "/etc/nginx/sites-enabled/zz:2",
    ),
    "supervisor": (
        "printf '[program:x]\\nenvironment=A=\"%%canary\"\\ncommand=x\\n' >/etc/supervisor/conf.d/zz.conf",
        "rm /etc/supervisor/conf.d/zz.conf", "/etc/supervisor/conf.d/zz.conf",
    ),
    "firewall": (
        "ufw delete allow 80/tcp; ufw deny 80/tcp", "ufw delete deny 80/tcp; ufw allow 80/tcp", "ufw blocks port 80",
    ),
    "port": (
        "systemctl stop nginx; systemd-run --unit=squatter python3 -m http.server 80; sleep 1",
        "systemctl stop squatter; systemctl start nginx", "80 is used by python3",
    ),
    "boot": ("systemctl disable nginx", "systemctl enable nginx", "nginx does not start at boot"),
    "app": ("supervisorctl stop all", "supervisorctl start all; sleep 2", "no process listens on its socket"),
}  # fmt: skip


def test_a_healthy_server_passes(server: Server, project: Project) -> None:
    result = project.must("-H", server.name, "doctor")
    assert "✗" not in result.stdout
    assert "nginx listens on 80, and your machine can connect" in result.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_reported_with_a_remedy(server: Server, project: Project, fault: str) -> None:
    inject, mend, said = FAULTS[fault]
    server.run(inject)
    try:
        result = project.fab("-H", server.name, "doctor")
    finally:
        server.run(mend)
    assert result.status == 1, result
    line = next(line for line in result.stdout.splitlines() if said in line)
    assert "✗" in line
    assert "→" in result.stdout.splitlines()[result.stdout.splitlines().index(line) + 1]
    until(lambda: get(f"{server.url}/health").status == 200, 60)


def test_domains_that_point_elsewhere(server: Server, project: Project) -> None:
    server.run(
        f"cp /etc/hosts /root/hosts; echo '{server.address} here.test' >>/etc/hosts; echo '10.9.8.7 away.test' >>/etc/hosts"
    )
    try:
        domains = {"SELVEDGE_APP__DOMAINS": '["here.test", "away.test"]'}
        result = project.fab("-H", server.name, "doctor", env=domains)
    finally:
        server.run("cat /root/hosts >/etc/hosts; rm /root/hosts")
    assert result.status == 1
    assert f"here.test resolves to this server ({server.address})" in result.stdout
    assert "away.test resolves to 10.9.8.7, not to this server" in result.stdout


def test_an_unreachable_host_does_not_hide_the_others(server: Server, project: Project) -> None:
    result = project.fab("-H", f"{server.name},203.0.113.77", "doctor", timeout=120)
    assert result.status == 4, result
    assert "your machine can connect" in result.stdout
    assert "203.0.113.77" in result.stderr
