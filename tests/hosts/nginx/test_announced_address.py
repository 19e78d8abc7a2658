"""The address in the last line of a deploy is the one that has answered. Each test starts from the previous one's state."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from lab import Lab, Project, until
from nginx_site import ask, status
from sandbox import Server
from traffic import get

BY_HAND = "server { listen 80 default_server; server_name _; location / { return 200 by-hand; } }"
NGINX_ORG = """user  nginx;
worker_processes  auto;
error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;
events {
    worker_connections  1024;
}
http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;
    access_log  /var/log/nginx/access.log;
    include /etc/nginx/conf.d/*.conf;
}
"""


def redirects_to_https(app: Path) -> None:
    main = (app / "main.py").read_text()
    line = "from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware\napp.add_middleware(HTTPSRedirectMiddleware)\n"
    (app / "main.py").write_text(f"{main}\n{line}")


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    """Return a server without an app, with a site that a tutorial made under the app's name."""
    made = lab.server("setup")
    made.run(f"echo '{BY_HAND}' >/etc/nginx/sites-enabled/hello; rm -f /etc/nginx/sites-enabled/default; systemctl reload nginx")
    return made


def test_a_first_deploy_follows_the_redirects_of_the_app(server: Server, project: Project) -> None:
    project.commit(redirects_to_https)
    failed = project.fab("-H", server.name, "deploy")
    assert failed.status == 1, failed
    said = " ".join(failed.stderr.split())
    url = f"{server.address}/health"
    assert f"GET http://{url} redirects visitors to https://{url}, where nothing answers. The app itself redirects to HTTPS" in said


def test_a_site_made_by_hand_is_kept_as_a_copy(server: Server, project: Project) -> None:
    server.run(f"rm -f /etc/nginx/sites-enabled/hello; echo '{BY_HAND}' >/etc/nginx/sites-enabled/hello; systemctl reload nginx")
    project.git("revert", "--no-edit", "HEAD")
    deployed = project.must("-H", server.name, "deploy")
    copy = "/var/backups/selvedge/etc/nginx/sites-enabled/hello."
    assert f"A copy of the file is in {copy}" in " ".join(deployed.stdout.split()), deployed
    assert server.run(f"cat {copy}*").stdout.splitlines()[-1] == BY_HAND
    assert get(f"{server.url}/health").headers["X-Release"]
    assert "deploy: nothing to change" in project.must("-H", server.name, "deploy").stdout


@pytest.mark.parametrize("text", [
    "server { listen 80; server_name ADDRESS; return 200 old; }",
    "server { listen ADDRESS:80; server_name x.test; return 200 old; }",
])  # fmt: skip
def test_another_site_with_the_address_is_named(server: Server, project: Project, text: str) -> None:
    server.run(f"echo '{text.replace('ADDRESS', server.address)}' >/etc/nginx/sites-enabled/old; systemctl reload nginx")
    failed = project.fab("-H", server.name, "nginx")
    assert failed.status == 1 and "/etc/nginx/sites-enabled/old" in failed.stderr and server.address in failed.stderr, failed
    project.commit("Not announced")
    refused = project.fab("-H", server.name, "deploy")
    assert refused.status == 1 and f"nginx did not answer GET http://{server.address}/health from the new release" in refused.stderr
    assert f"another site on the server has {server.address}" in project.fab("-H", server.name, "doctor").stdout
    assert "another site answers, not the live release" in project.fab("-H", server.name, "status").stdout
    server.run("rm /etc/nginx/sites-enabled/old; systemctl reload nginx")


def test_a_site_in_a_file_that_no_one_expects_is_noticed(server: Server, project: Project) -> None:
    site = f"server {{ listen 80; server_name {server.address}; return 200 hidden; }}"
    server.run(f"cp /etc/nginx/nginx.conf /root; sed -i 's/^http {{/&\\n{site}/' /etc/nginx/nginx.conf; systemctl reload nginx")
    server.run("rm /var/lib/selvedge/loaded/nginx-hello")
    failed = project.fab("-H", server.name, "nginx")
    assert failed.status == 1 and "shows another site: it answered 200, not from the live release" in failed.stderr, failed
    server.run("cp /root/nginx.conf /etc/nginx/nginx.conf; systemctl reload nginx")
    assert f"  http://{server.address}/\n" in project.must("-H", server.name, "deploy").stdout


def test_nginx_as_nginx_org_packages_it(server: Server, project: Project) -> None:
    server.run(f"""
        useradd --system --no-create-home --shell /usr/sbin/nologin nginx
        cat >/etc/nginx/nginx.conf <<'EOF'
{NGINX_ORG}EOF
        echo 'server {{ listen 80; server_name localhost; location / {{ return 200 welcome; }} }}' >/etc/nginx/conf.d/default.conf
        rm -r /etc/systemd/system/nginx.service.d /etc/nginx/modules-enabled
        systemctl daemon-reload
        systemctl restart nginx""")
    assert b"welcome" in ask(server, "/", server.address)
    said = project.must("-H", server.name, "nginx").stdout
    assert "add nginx's user nginx to the group www-data" in said and "selvedge-sites.conf" in said
    assert status(ask(server, "/health", server.address)) == 200
    limits = server.run("grep 'open files' /proc/$(pgrep -n -f 'nginx: [w]orker')/limits; nginx -t 2>&1").stdout
    assert int(limits.split()[3]) == 16384 and "exceed" not in limits, limits
    server.run("logrotate -f /etc/logrotate.d/hello && sleep 0.5")
    assert status(ask(server, "/health", server.address)) == 200
    assert "/health" in server.run("sleep 0.2; cat /var/log/hello/nginx-access.log").stdout
    assert "nginx: nothing to change" in project.must("-H", server.name, "nginx").stdout


def test_after_a_boot_nginx_waits_for_the_app(server: Server) -> None:
    server.reboot()
    seen: list[int] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and seen[-20:] != [200] * 20:
        with contextlib.suppress(OSError):
            seen.append(get(f"{server.url}/health", timeout=5).status)
        time.sleep(0.02)
    assert set(seen) == {200}, seen
    until(lambda: server.run("systemctl is-active selvedge-hello-boot", check=False).stdout == "inactive\n", 10)
    assert "Finished" in server.run("journalctl -b -u selvedge-hello-boot").stdout
