"""Sites at other ports than 80 and 443: what nginx's files say, and what is left of former ports."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.resources.access.firewall import PortAllowed
from selvedge.resources.nginx.sites import FormerDefaults, default_path
from tests.hosts.scripts.resources.sites import A, sites
from tests.support.libraries import functions

PLAIN = "server {\n    listen 8080;\n    listen [::]:8080;\n    server_name a.test;\n}\n"
TLS = "server {\n    include /etc/nginx/snippets/selvedge-listen-tls-8443.conf;\n    server_name a.test;\n}\n"


def said(server: Any, shell: str) -> str:
    names = functions("request", "https", "site", "firewall")
    return str(server.run(f"{names}\nset -eu\napp=a site_enabled={A}\n{shell}").stdout.decode())


@pytest.mark.parametrize(
    ("enabled", "origin"),
    [
        ({"a": PLAIN}, "http://a.test:8080"),
        ({"a": PLAIN.replace("8080", "80")}, "http://a.test"),
        ({"a": PLAIN, "a-tls": TLS}, "https://a.test:8443"),
        ({"a": PLAIN, "a-tls": TLS.replace("-8443", "")}, "https://a.test"),
    ],
)
def test_requests_go_to_the_port_that_nginx_has(server: Any, enabled: dict[str, str], origin: str) -> None:
    sites(server, **enabled)
    assert said(server, "request_origin a.test") == f"{origin}\n"


def test_the_firewall_keeps_the_ports_of_other_sites(server: Any) -> None:
    sites(server, **{"a": PLAIN, "a-tls": TLS})
    assert said(server, "firewall_sites a") == ""
    assert sorted(said(server, "firewall_sites b").split()) == ["8080", "8443"]
    sites(server, **{"a-tls": TLS.replace("-8443", ""), "mine": "server {\n listen 8000 default_server;\n listen 10.0.0.1:1;\n}\n"})
    assert sorted(said(server, "firewall_sites b").split()) == ["443", "8000", "8080"]


def test_what_the_firewall_lets_in(server: Any) -> None:
    closed = PortAllowed(8443)
    assert not server.plan(closed).changes
    rule = f"### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in comment={b'selvedge'.hex()}"
    for name, text in (("ufw.conf", "ENABLED=yes\n"), ("user.rules", f"*filter\n{rule}\n-A x\n")):
        server.path(f"/etc/ufw/{name}").parent.mkdir(parents=True, exist_ok=True)
        server.path(f"/etc/ufw/{name}").write_text(text)
    assert not server.plan(PortAllowed(80)).changes
    assert [change.summary for _, change in server.plan(closed).changes] == ["check that the firewall allows port 8443"]


def test_a_default_of_a_port_without_sites_is_removed(server: Any) -> None:
    kept, former = default_path(8080), [default_path(80), default_path(443, tls=True)]
    for path in (kept, *former):
        server.path(path).parent.mkdir(parents=True, exist_ok=True)
        port = {kept: 8080, former[0]: 80}.get(path, 443)
        server.path(path).write_text(f"server {{\n listen {port} default_server;\n server_name _;\n}}\n")
    sites(server, a=PLAIN.replace("8080", "80"), b="server {\n include /etc/nginx/snippets/selvedge-listen-tls.conf;\n}\n")
    assert [change.summary for _, change in server.plan(FormerDefaults((80, 443), (A,))).changes] == [f"remove {kept}"]
    assert [change.summary for _, change in server.plan(FormerDefaults((8080, 8443), (A,))).changes] == [f"remove {former[0]}"]
    server.make(FormerDefaults((8080, 8443), (A,)))
    assert not server.path(former[0]).exists() and server.path(former[1]).exists(), "b uses 443"


@pytest.mark.parametrize(
    ("kind", "text", "checked", "said_then"),
    [
        ("unauthorized", "external account binding JWS verification error", "a.test", "set eab_kid under [tls]"),
        ("malformed", "the field 'kid' references a key that is not known to the ACME server", "", "set eab_kid under [tls]"),
        ("unauthorized", "No TXT record found", "", "Wait longer with dns_propagation under [tls]"),
        ("unauthorized", "Invalid response", "a.test", "It reached another server or a proxy"),
        ("unknown", "Unable to determine zone_id for a.test", "", "Check the credentials for the DNS: dns_credentials"),
    ],
)
def test_what_to_do_about_an_authoritys_refusal(server: Any, kind: str, text: str, checked: str, said_then: str) -> None:
    shell = f'server=https://ca.test domain=a.test checked={checked}\nacme_remedy {kind} "{text}"'
    assert said_then in str(server.run(f"{functions('acme')}\nset -eu\n{shell}").stdout.decode())


@pytest.mark.parametrize("reason", [
    "Unable to locate credentials",
    "An error occurred (AccessDenied) when calling the ListHostedZones operation: x is not authorized",
])  # fmt: skip
def test_route53_without_permission_says_where_its_credentials_are(server: Any, reason: str) -> None:
    how = "To use certbot-dns-route53, configure credentials as described at https://boto3.test/ and add the permissions."
    shell = f'server=https://ca.test domain=a.test checked=\nprintf "%s\\n" "{reason}" "{how}" >"$undo/certbot"\n'
    shell += 'step_fail() { printf "%s\\n" "$*"; exit 1; }\nacme_refused "$undo/certbot" "0 0"'
    printed = str(server.run(f"{functions('acme')}\nset -eu\nundo=$(mktemp -d)\n{shell}").stdout.decode())
    assert f"certbot could not get a certificate: {reason}. Put credentials that may change the zone on the server" in printed
