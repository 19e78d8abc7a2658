"""Names that are proven over DNS, and other ports than 80 and 443."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from https_site import NAME, Site, Watched, in_files, request, served
from lab import Lab, Project, until

pytestmark = pytest.mark.thorough

UPDATE_KEY = "YzRuYXJ5LXVwZGF0ZS1rZXktb2YtdGhlLXpvbmU="
WILDCARD, ANY = f"*.{NAME}", f"any.{NAME}"
HTTP, HTTPS = 8080, 8443

KNOT = """
server:
  listen: {address}@53
key:
  - id: update
    algorithm: hmac-sha256
    secret: {key}
acl:
  - id: update
    key: update
    action: update
zone:
  - domain: {name}
    storage: /var/lib/knot
    file: {name}.zone
    acl: update
"""
ZONE = """$ORIGIN {name}.
$TTL 1
@ SOA ns admin 1 60 60 600 1
@ NS ns
@ A {address}
* A {address}
ns A {address}
"""
CREDENTIALS = """dns_rfc2136_server = {address}
dns_rfc2136_name = update.
dns_rfc2136_secret = {key}
dns_rfc2136_algorithm = HMAC-SHA256
"""


@pytest.fixture
def over_dns(site: Site, pebble_of: object, tmp_path: Path) -> Iterator[Site]:
    """Return the site with an authority that asks a name server on the server, which certbot may update (RFC 2136)."""
    server, values = site.server, {"address": site.server.address, "name": NAME, "key": UPDATE_KEY}
    server.run("DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install knot >/dev/null 2>&1")
    for path, text in (("/etc/knot/knot.conf", KNOT), (f"/var/lib/knot/{NAME}.zone", ZONE)):
        server.run(f"cat >{path} <<'EOF'\n{text.format(**values)}EOF")
    server.run("chown -R knot:knot /var/lib/knot; ufw allow 53 >/dev/null; systemctl restart knot")
    (tmp_path / "credentials.ini").write_text(CREDENTIALS.format(**values))
    made = Site(server, site.project, pebble_of(server, resolver=f"{server.address}:53"))  # type: ignore[operator]
    yield made
    server.run("systemctl disable --now knot; ufw delete allow 53 >/dev/null")
    site.name(NAME)
    site.configure(NAME)
    site.must("harden", "nginx", "certbot")


def test_a_wildcard_over_dns_while_ports_80_and_443_are_used(over_dns: Site, tmp_path: Path) -> None:
    site, server = over_dns, over_dns.server
    ports = f"[nginx]\nhttp_port = {HTTP}\nhttps_port = {HTTPS}"
    dns = f'challenge = "dns"\ndns_plugin = "rfc2136"\ndns_credentials = {json.dumps(str(tmp_path / "credentials.ini"))}\n'
    site.configure(NAME, WILDCARD, tls=f"{ports}")
    refused = site.fab("nginx", "certbot")
    assert refused.status == 2 and f"app.domains has the wildcard {WILDCARD}, for which" in refused.stderr, refused
    site.configure(NAME, WILDCARD, tls=f"{dns}dns_propagation = 1\n{ports}")
    assert UPDATE_KEY not in site.must("certbot", "--script").stdout
    closed = site.fab("deploy")
    assert closed.status == 1 and f"does not let in connections to port {HTTP}" in closed.stderr, closed
    firewall = site.must("harden").stdout
    assert f"open port {HTTP}, {HTTPS}; close port 443, 80" in firewall, firewall
    with Watched(server) as watched:
        done = site.must("deploy")
    assert f"https://{NAME}:{HTTPS}/\n" in done.stdout and "remove /etc/nginx/conf.d/selvedge-default" in done.stdout, done
    assert UPDATE_KEY not in watched.text + done.stdout + done.stderr
    credentials = "/etc/selvedge/hello/dns-credentials"
    assert in_files(server, UPDATE_KEY) == ["/etc/knot/knot.conf", credentials]
    assert server.run(f"stat -c '%a %U' {credentials}").stdout == "600 root\n"
    # Other programs use the usual ports from here on.
    for port in (80, 443):
        server.run(f"""systemd-run --quiet --unit=squatter-{port} python3 -m http.server {port}
            until ss -Hltn | grep -q ':{port} '; do sleep 0.1; done""")
    names = {NAME, WILDCARD}
    certificate = served(server, site.pebble.root, ANY, HTTPS)
    assert {name for _, name in certificate["subjectAltName"]} == names  # type: ignore[attr-defined]
    assert request(server, "/health", ANY, site.pebble.root, HTTPS).status == 200
    assert request(server, "/x?y", ANY, port=HTTP).getheader("Location") == f"https://{ANY}:{HTTPS}/x?y"
    again = site.must("setup", "deploy")
    assert "deploy: nothing to change" in again.stdout, again
    for command in ("status", "doctor"):
        assert f"port {443}" not in (shown := site.fab(command).stdout) and "problem" not in shown, shown
    site.renew()
    until(lambda: served(server, site.pebble.root, ANY, HTTPS) != certificate, 10, "nginx shows the renewed certificate")
    site.must("certbot", "--renew-dry-run")
    server.run("systemctl stop squatter-80 squatter-443")


def test_a_bare_server_whose_port_80_is_used(lab: Lab, project: Project) -> None:
    server = lab.server("bare")
    # A bare server has no Python yet. /proc/net/tcp6 has port 80 as 0050.
    server.run("""systemd-run --quiet --unit=squatter systemd-socket-activate --listen=80 /bin/cat
        for i in $(seq 100); do ! grep -q ':0050 ' /proc/net/tcp6 || exit 0; sleep 0.1; done; exit 1""")
    project.configure(f"[nginx]\nhttp_port = {HTTP}")
    done = project.must("-H", server.name, "setup", "deploy")
    assert f"http://{server.address}:{HTTP}/\n" in done.stdout, done
    assert request(server, "/health", server.address, port=HTTP).status == 200
    assert "deploy: nothing to change" in project.must("-H", server.name, "setup", "deploy").stdout
    for command in ("status", "doctor"):
        assert "problem" not in (shown := project.fab("-H", server.name, command).stdout), shown
