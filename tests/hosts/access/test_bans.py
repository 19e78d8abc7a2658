"""fail2ban's jails for a site: which clients they ban, and that a missing log does not stop fail2ban."""

from __future__ import annotations

import subprocess
import time

import pytest

from lab import Lab, Project, until
from sandbox import Server
from traffic import get

CURL = "curl -s -m 3 -o /dev/null -w '%{{http_code}} ' {more} {url}{path}; "


def ask(client: Server, server: Server, path: str, times: int = 1, more: str = "") -> list[str]:
    """Return the statuses of requests from another server; "000" means no answer."""
    curl = CURL.format(more=more, url=server.url, path=path)
    return client.run(f"for i in $(seq {times}); do {curl} done; true").stdout.split()


def banned(server: Server, jail: str) -> str:
    return server.run(f"fail2ban-client get {jail} banip").stdout


@pytest.fixture(scope="module", params=["bookworm", pytest.param("trixie", marks=pytest.mark.thorough)])
def server(request: pytest.FixtureRequest, lab: Lab) -> Server:
    return lab.server("deployed", request.param)


@pytest.fixture(scope="module")
def client(lab: Lab) -> Server:
    """Return another server, which has curl."""
    return lab.server("deployed")


def test_the_jails_exist_and_a_second_run_changes_nothing(server: Server, shared_project: Project) -> None:
    assert "hello-bots, hello-passwords, sshd" in server.run("fail2ban-client status").stdout
    again = shared_project.must("-H", server.name, "nginx")
    assert "nothing to change" in again.stdout
    assert server.run("stat -c '%a %U %G' /var/log/hello/nginx-missed.log").stdout.split()[0] in ("640", "644")


def test_forged_addresses_and_missing_pages_ban_no_one(server: Server, client: Server) -> None:
    assert ask(client, server, "/wp-login.php", 8, "-H 'X-Forwarded-For: 192.0.2.1'") == ["404"] * 8
    assert ask(client, server, "/missing", 8) == ["404"] * 8
    time.sleep(3)
    assert client.address not in banned(server, "hello-bots")
    assert ask(client, server, "/health") == ["200"]


def test_a_bot_is_banned_and_the_owner_is_not(server: Server, client: Server) -> None:
    subprocess.run([*server.ssh_argv("deploy"), "true"], check=True, capture_output=True)
    for _ in range(8):
        assert get(f"{server.url}/wp-login.php").status == 404
    assert "404" in ask(client, server, "/wp-login.php", 6)
    until(lambda: client.address in banned(server, "hello-bots"), 20)
    # fail2ban lists an address before it adds the firewall rule.
    until(lambda: ask(client, server, "/health") == ["000"], 10)
    time.sleep(2)
    assert get(f"{server.url}/health").status == 200
    server.run("fail2ban-client unban --all")
    assert ask(client, server, "/health") == ["200"]


def test_a_client_that_guesses_passwords_is_banned(server: Server, client: Server) -> None:
    site = (
        'server { listen 81; location / { auth_basic "closed"; auth_basic_user_file /etc/nginx/users; }\n'
        "error_log /var/log/hello/nginx-error.log warn; }"
    )
    server.run(
        f"cat >/etc/nginx/conf.d/closed.conf <<'EOF'\n{site}\nEOF\n"
        'printf "me:%s\\n" "$(openssl passwd -6 right)" >/etc/nginx/users; ufw allow 81/tcp >/dev/null; '
        "systemctl reload nginx; sleep 0.5"
    )
    assert ask(client, server, ":81/", 6, "-u me:wrong") == ["401"] * 6
    until(lambda: client.address in banned(server, "hello-passwords"), 20)
    server.run("rm /etc/nginx/conf.d/closed.conf; systemctl reload nginx; fail2ban-client unban --all")


def test_fail2ban_starts_when_the_logs_of_an_app_are_missing(server: Server) -> None:
    server.run("mv /var/log/hello /var/log/gone; systemctl restart fail2ban")
    until(lambda: server.run("fail2ban-client ping", check=False).returncode == 0, 20)
    assert "sshd" in server.run("fail2ban-client status").stdout
    server.run("mv /var/log/gone /var/log/hello; systemctl restart fail2ban")


def test_jails_are_removed_and_created_with_the_setting(server: Server, shared_project: Project) -> None:
    shared_project.configure("[tls]\nupstream = true\n")
    shared_project.must("-H", server.name, "nginx")
    until(lambda: "hello" not in server.run("fail2ban-client status").stdout, 20)
    assert "nothing to change" in shared_project.must("-H", server.name, "nginx").stdout
    shared_project.configure()
    shared_project.must("-H", server.name, "nginx")
    assert "hello-bots" in server.run("fail2ban-client status").stdout
