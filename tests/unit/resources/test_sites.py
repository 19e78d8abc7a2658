"""Sites of nginx: names, the default site, folders that nginx reads."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.nginx.folders import MediaFolder, StaticFolders
from selvedge.resources.nginx.paths import PathsFree
from selvedge.resources.nginx.sites import (
    DebianDefaultSiteDisabled,
    DefaultServer,
    PortProtocol,
    ServerNamesFree,
    default_path,
)
from selvedge.resources.nginx.version import VersionedText, nginx_template
from tests.support.tables import check, table

OWN = "/etc/nginx/sites-enabled/a"
OTHER = """file /etc/nginx/sites-enabled/b
server {
listen 80 default_server
server_name b.test
"""
NAMED = ServerNamesFree(("a.test", "www.a.test"), (OWN,))
NAMELESS = ServerNamesFree((), (OWN,))
TAKEN = "check that no other site has the app's names"


@table(
    (NAMED, "", None),
    (NAMED, OTHER, None),
    (NAMED, OTHER.replace("b.test", "a.test www.a.test").replace("enabled/b", "enabled/a"), None),
    (NAMED, OTHER.replace("b.test", "www.a.test a.test"), TAKEN,
     "step_fail 'Another site on the server already answers for a.test, www.a.test: /etc/nginx/sites-enabled/b.'"),
    (NAMELESS, OTHER.replace(" default_server", ""), None),
    (NAMELESS, OTHER, TAKEN,
     "step_fail 'The app has no domain, but another site on the server already answers requests by address: "
     "/etc/nginx/sites-enabled/b …"),
)  # fmt: skip
def test_names(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


OF_NAME = """file /etc/nginx/sites-enabled/b
server {
listen 8080
listen [::]:8080
server_name a.test
include /etc/nginx/selvedge/sites/a.test/*.conf
file /etc/nginx/sites-enabled/b-tls
server {
include /etc/nginx/snippets/selvedge-listen-tls-8443.conf
server_name a.test
"""
DEFAULT_TLS = "file /etc/nginx/conf.d/selvedge-default-tls-8443.conf\nserver {\nlisten 8443 ssl default_server\n"
FOLDER = ("/etc/nginx/selvedge/sites/a.test",)


@table(
    (PortProtocol(8080, False, ()), OF_NAME, None),
    (PortProtocol(8443, True, ()), OF_NAME, None),
    (PortProtocol(8443, False, ("/etc/nginx/sites-enabled/b-tls",)), OF_NAME, None),
    (PortProtocol(8443, False, ()), DEFAULT_TLS, None),
    (PortProtocol(8443, False, ()), OF_NAME, "check that no other site has HTTPS at port 8443",
     "step_fail 'Port 8443 cannot have HTTP, because /etc/nginx/sites-enabled/b-tls has HTTPS there.'"),
    (PortProtocol(8080, True, ()), OF_NAME, "check that no other site has HTTP at port 8080",
     "step_fail 'Port 8080 cannot have HTTPS, because /etc/nginx/sites-enabled/b has HTTP there.'"),
)  # fmt: skip
def test_a_port_has_one_protocol(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@table(
    (PathsFree(("a.test",), FOLDER, (), (), "/api", 8080), OF_NAME, None),
    (PathsFree(("a.test",), FOLDER, (), (), "", 80), OF_NAME, None),
    (PathsFree(("b.test",), FOLDER, (), (), "/api", 80), OF_NAME, None),
    (PathsFree(("a.test",), FOLDER, (), (), "/api", 80), OF_NAME, "check that the apps of a name have the same ports",
     "step_fail 'The site of a.test answers at port 8080, and not at 80: /etc/nginx/sites-enabled/b.'"),
)  # fmt: skip
def test_the_apps_of_a_name_have_the_same_ports(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


DEBIANS = "/etc/nginx/sites-enabled/default"


@table(
    (DebianDefaultSiteDisabled(), "", None),
    (DebianDefaultSiteDisabled(), "debians\n", f"remove Debian's default site {DEBIANS}",
     f"file_remove {DEBIANS}"),
)  # fmt: skip
def test_site_of_debian(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


PLAIN = VersionedText(("server { listen 80 default_server; }\n",) * 3)
ENCRYPTED = nginx_template("nginx/default-tls.conf.j2", port=443)
HTTP = DefaultServer(80, PLAIN, True, (OWN,))
NO_HTTP = DefaultServer(80, PLAIN, False, (OWN,))
HTTPS = DefaultServer(443, ENCRYPTED, True, (OWN,), True)
NO_HTTPS = DefaultServer(443, ENCRYPTED, False, (OWN,), True)
TLS = "file /etc/nginx/sites-enabled/b\nserver {\nlisten 443 ssl\nserver_name b.test\n"
EXISTS = "file 644 root root\nanother\nold\n"


def seen(sites: str = "", file: str = "absent\n", version: str = "1.22.1") -> str:
    """Return the lines that the probe of a default site prints."""
    return f"nginx version: nginx/{version}\n{sites.strip()}\n\n--\n{file}"


@table(
    (HTTP, seen(), f"create {default_path(80)}",
     f"file_put {default_path(80)} 0644 root root <<'EOF'\nserver {{ listen 80 default_server; }}"),
    (HTTP, seen(OTHER), None),
    (HTTP, seen(OTHER, EXISTS), f"remove {default_path(80)}", f"file_remove {default_path(80)}"),
    (HTTP, seen(OTHER.replace("enabled/b", "enabled/a"), EXISTS), f"write {default_path(80)}",
     f"file_put {default_path(80)} 0644 root root <<'EOF'"),
    (NO_HTTP, seen(), None),
    (NO_HTTP, seen(file=EXISTS), f"remove {default_path(80)}", f"file_remove {default_path(80)}"),
    (HTTPS, seen(), f"create {default_path(443, tls=True)}", "listen 443 ssl http2 default_server;\nssl_reject_handshake on;"),
    (HTTPS, seen(version="1.25.1"), f"create {default_path(443, tls=True)}", "listen 443 ssl default_server;"),
    (HTTPS, seen(version="1.18.0"), f"create {default_path(443, tls=True)}", "ssl_certificate $selvedge_nothing;"),
    (NO_HTTPS, seen(file=EXISTS), f"remove {default_path(443, tls=True)}", f"file_remove {default_path(443, tls=True)}"),
    (NO_HTTPS, seen(TLS, EXISTS), None),
)  # fmt: skip
def test_default_site(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """The default site of port 443 stays while another site uses TLS."""
    check(resource, fact, summary, shell)


STATIC = StaticFolders("/srv/hello/current", ("static", "docs"))
MEDIA = MediaFolder("hello", "/srv/hello/shared", "up/loads")
LET_IN = "let nginx read /srv/hello/shared/up/loads"
MADE = "site_media hello /srv/hello/shared up/loads"


@table(
    (STATIC, "end\n", None),
    (STATIC, "/srv/hello/current/docs/x\nend\n", "let nginx read static, docs",
     "site_readable /srv/hello/current static\nsite_readable /srv/hello/current docs"),
    (STATIC, "", "let nginx read static, docs", "site_readable /srv/hello/current static"),
    (MEDIA, "710 root www-data\n2750 hello www-data\n", None),
    (MEDIA, "", LET_IN, MADE),
    (MEDIA, "710 root www-data\n", LET_IN, MADE),
    (MEDIA, "700 root www-data\n2750 hello www-data\n", LET_IN, MADE),
    (MEDIA, "710 root hello\n2750 hello www-data\n", LET_IN, MADE),
    (MEDIA, "710 root www-data\n750 hello www-data\n", LET_IN, MADE),
    (MEDIA, "710 root www-data\n2750 root www-data\n", LET_IN, MADE),
)  # fmt: skip
def test_folders_that_nginx_reads(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
