"""HTTPS on a real server, with a certificate from pebble, a real ACME authority on this machine."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab import Lab, Project, Result, until
from pebble import Pebble, missing
from sandbox import Server, network

NAME, WWW = "hello.test", "www.hello.test"


class Site:
    """A server with the sample app, and the authority that it is to have its certificate from."""

    def __init__(self, server: Server, project: Project, pebble: Pebble) -> None:
        self.server, self.project, self.pebble = server, project, pebble
        self.names: list[str] = []

    def configure(self, *domains: str, tls: str = "", authority: str = "", **app: object) -> None:
        """hosts.toml with these domains, and [tls] with pebble (or `authority`) and the lines of `tls`."""
        url = authority or self.pebble.directory
        lines = ["[tls]", 'email = "me@example.com"', f"acme_server = {json.dumps(url)}"]
        lines += [f"acme_ca = {json.dumps(str(self.pebble.ca))}", tls]
        self.project.configure("\n".join(lines), domains=list(domains), **app)

    def name(self, *names: str, address: str = "") -> None:
        """Names that lead to the server (or to `address`), for the authority and for the server itself."""
        for name in names:
            where = address or self.server.address
            self.pebble.resolve(name, where)
            self.server.run(f"sed -i '/ {name}$/d' /etc/hosts && echo '{where} {name}' >>/etc/hosts")

    def fab(self, *words: str) -> Result:
        return self.project.fab("-H", self.server.name, *words)

    def must(self, *words: str) -> Result:
        return self.project.must("-H", self.server.name, *words)

    def certificate(self, name: str = NAME) -> dict[str, object]:
        """The certificate that the server shows for a name; the handshake fails where it is not one of pebble's."""
        return served(self.server, self.pebble.root, name)

    def serial(self, name: str = NAME) -> object:
        return self.certificate(name)["serialNumber"]

    def get(self, path: str, name: str = NAME) -> http.client.HTTPResponse:
        """What the app answers over HTTPS."""
        return request(self.server, path, name, self.pebble.root)

    def plain(self, path: str, name: str = NAME) -> http.client.HTTPResponse:
        """What the server answers over HTTP."""
        return request(self.server, path, name)

    def refuses_https(self) -> bool:
        """Whether port 443 is closed."""
        try:
            self.certificate()
        except ConnectionRefusedError:
            return True
        return False

    def renew(self) -> None:
        """certbot's own service renews the certificate, as its timer would have it in time."""
        self.server.run("""cd /etc/letsencrypt/renewal
            sed -i '1i renew_before_expiry = 1000 days' hello.conf; systemctl start certbot.service || true
            sed -i '/^renew_before_expiry = 1000 days/d' hello.conf""")

    def asked(self) -> int:
        """How many certificates the authority was asked for."""
        return (self.pebble.folder / "log").read_text().count("POST /order-plz")

    def repeat_changes_nothing(self) -> None:
        again = self.must("nginx", "certbot")
        assert "certbot: nothing to change" in again.stdout, again
        assert "nginx: nothing to change" in again.stdout, again


def served(server: Server, root: Path, name: str) -> dict[str, object]:
    context = ssl.create_default_context(cafile=root)
    plain = socket.create_connection((server.address, 443), timeout=10)
    with context.wrap_socket(plain, server_hostname=name) as secure:
        return dict(secure.getpeercert() or {})


class Pinned(http.client.HTTPSConnection):
    """HTTPS to an address, for a name that no name server knows."""

    address = ""

    def connect(self) -> None:
        plain = socket.create_connection((self.address, 443), timeout=10)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]


def request(server: Server, path: str, name: str, root: Path | None = None) -> http.client.HTTPResponse:
    connection: http.client.HTTPConnection
    if root is None:
        connection = http.client.HTTPConnection(server.address, 80, timeout=10)
    else:
        connection = Pinned(name, context=ssl.create_default_context(cafile=root), timeout=10)
        connection.address = server.address
    connection.request("GET", path, headers={"Host": name})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def gateway(server: Server) -> str:
    """This machine's address, as the server sees it."""
    return str(network.gateway(IPv4Network(f"{server.address}/24", strict=False)))


@pytest.fixture(scope="module")
def pebble_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Makes authorities for the servers of this module."""
    if lacking := missing():
        pytest.fail(f"the tests of certificates need {lacking}: apt-get install pebble openssl")
    running: list[Pebble] = []

    def start(server: Server, **settings: int) -> Pebble:
        pebble = Pebble(gateway(server), tmp_path_factory.mktemp("pebble"), **settings)
        running.append(pebble.__enter__())
        return pebble

    yield start
    for pebble in running:
        pebble.stop()


@pytest.fixture(scope="module")
def made(lab: Lab, shared_project: Project, pebble_of: object) -> Site:
    """The server of this module, deployed with a domain by the whole chain."""
    server = lab.server("deployed")
    site = Site(server, shared_project, pebble_of(server))  # type: ignore[operator]
    site.name(NAME, WWW)
    site.configure(NAME)
    assert site.plain("/health").status == 200
    site.must("deploy")
    return site


@pytest.fixture
def site(made: Site) -> Site:
    """The same with one domain and its certificate, whatever the test before has left."""
    made.configure(NAME)
    made.must("nginx", "certbot")
    return made


def test_a_deploy_with_a_domain_ends_in_https(made: Site) -> None:
    assert made.certificate()["subjectAltName"] == (("DNS", NAME),)
    assert made.get("/health").status == 200
    answer = made.plain("/some/path?x=1")
    assert (answer.status, answer.getheader("Location")) == (301, f"https://{NAME}/some/path?x=1")
    again = made.must("deploy")
    assert "deploy: nothing to change" in again.stdout, again


def test_the_app_sees_https(site: Site) -> None:
    seen = json.loads(site.get("/client").body)  # type: ignore[attr-defined]
    assert (seen["client"], seen["scheme"]) == (gateway(site.server), "https")


def test_http2_and_only_current_protocols(site: Site) -> None:
    def handshake(*options: str) -> str:
        command = ["openssl", "s_client", "-connect", f"{site.server.address}:443", "-servername", NAME, *options]
        done = subprocess.run(command, input=b"", capture_output=True, check=False)
        return done.stdout.decode("ascii", "replace")

    assert "ALPN protocol: h2" in handshake("-alpn", "h2")
    assert "Cipher is (NONE)" in handshake("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in handshake("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
    assert "Cipher is ECDHE" in handshake("-tls1_2")


def test_another_run_of_nginx_keeps_https(site: Site) -> None:
    before = site.serial()
    site.server.run("echo 'brokn; # a hand-made change' >>/etc/nginx/sites-available/hello")
    assert "write /etc/nginx/sites-available/hello" in site.must("nginx").stdout
    assert site.serial() == before
    kept = site.server.run("cat /var/backups/selvedge/etc/nginx/sites-available/hello.*").stdout
    assert "# a hand-made change" in kept
    site.repeat_changes_nothing()


def test_a_domain_that_is_added_extends_the_certificate(site: Site) -> None:
    before = site.serial()
    site.configure(NAME, WWW)
    result = site.must("nginx", "certbot")
    assert f"get the certificate anew with {WWW}" in result.stdout
    assert {name for _, name in site.certificate(WWW)["subjectAltName"]} == {NAME, WWW}  # type: ignore[attr-defined]
    assert site.serial() != before
    assert site.plain("/", WWW).getheader("Location") == f"https://{WWW}/"
    site.repeat_changes_nothing()


def test_the_timer_renews_and_nginx_serves_the_new_certificate(site: Site) -> None:
    assert site.server.run("systemctl is-enabled certbot.timer; systemctl is-active certbot.timer").stdout == "enabled\nactive\n"
    before = site.serial()
    site.renew()
    until(lambda: site.serial() != before, 10, "nginx shows the new certificate")
    site.repeat_changes_nothing()


def test_a_renewal_while_another_sites_file_is_broken_is_seen_and_loaded_by_one_command(site: Site) -> None:
    before = site.serial()
    site.server.run("echo 'server { broken }' >/etc/nginx/sites-enabled/zz")
    site.renew()
    site.server.run("rm /etc/nginx/sites-enabled/zz")
    assert site.serial() == before, "certbot's hook could not reload nginx"
    status = site.fab("status")
    assert status.status == 1 and "nginx still shows another one on port 443, until " in status.stdout, status
    assert "reload nginx, which still serves the certificate until " in site.must("certbot").stdout
    assert site.serial() != before
    assert "on port 443" not in site.must("status").stdout
    site.repeat_changes_nothing()


def test_a_renewal_can_be_rehearsed(site: Site) -> None:
    before = site.serial()
    result = site.must("certbot", "--renew-dry-run")
    assert "all simulated renewals succeeded" in result.stdout
    assert site.serial() == before
    site.server.run("mv /var/www/letsencrypt /var/www/away && ln -s /nowhere /var/www/letsencrypt")
    try:
        failed = site.fab("certbot", "--renew-dry-run")
    finally:
        site.server.run("rm /var/www/letsencrypt && mv /var/www/away /var/www/letsencrypt")
    assert (failed.status, "the rehearsal of the renewal failed" in failed.stderr) == (1, True), failed


def test_a_name_that_leads_elsewhere_is_told_before_the_authority_is_asked(site: Site) -> None:
    site.name("other.test", address=gateway(site.server))
    before, asked = site.serial(), site.asked()
    site.configure(NAME, "other.test", "nowhere.test")
    result = site.fab("nginx", "certbot")
    assert result.status == 1, result
    assert f"other.test leads to {gateway(site.server)}, and not to this server ({site.server.address})" in result.stderr
    assert "nowhere.test has no address in the DNS" in result.stderr
    assert "Traceback" not in result.stderr
    assert site.asked() == asked
    assert (site.serial(), site.get("/health").status) == (before, 200)


def test_what_only_the_authority_can_see_is_told_in_its_words(site: Site) -> None:
    site.server.run(f"ufw insert 1 deny from {gateway(site.server)} to any port 80 proto tcp")
    try:
        site.configure(NAME, WWW)
        result = site.fab("nginx", "certbot")
    finally:
        site.server.run("ufw --force delete 1")
    assert result.status == 1, result
    assert "could not verify the domains. It says: " in result.stderr
    assert "provider's firewall" in result.stderr
    assert site.get("/health").status == 200


def test_an_authority_that_does_not_answer_leaves_everything_as_it_was(site: Site) -> None:
    before = site.serial()
    site.configure(NAME, authority=f"https://{gateway(site.server)}:1/dir")
    result = site.fab("certbot")
    assert result.status == 1, result
    assert "Certbot got no certificate: " in result.stderr
    assert (site.serial(), site.get("/health").status) == (before, 200)


class Exhausted(http.server.BaseHTTPRequestHandler):
    """An ACME authority (RFC 8555) that gives no more certificates, in the words of Let's Encrypt."""

    protocol_version = "HTTP/1.1"
    orders = 0
    DETAIL = ("too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, "
              "retry after 2031-05-06 07:08:09 UTC")  # fmt: skip

    def do_GET(self) -> None:
        base = f"https://{self.headers['Host']}"
        paths = ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")
        self._answer(200, {"meta": {}, **{path: f"{base}/{path}" for path in paths}})

    def do_HEAD(self) -> None:
        self._answer(200, None)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/newOrder":
            self._answer(201, {"status": "valid"})
            return
        type(self).orders += 1
        error = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": self.DETAIL, "status": 429}
        self._answer(429, error, "application/problem+json")

    def _answer(self, status: int, content: object, kind: str = "application/json") -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": len(body), "Replay-Nonce": "bm9uY2U", "Retry-After": 3600,
                   "Location": f"https://{self.headers['Host']}/account/1"}  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what fails."""


@contextlib.contextmanager
def exhausted(site: Site) -> Iterator[str]:
    """The URL of its directory."""
    listener = http.server.ThreadingHTTPServer((gateway(site.server), 0), Exhausted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.pebble.ca, site.pebble.folder / "acme-key.pem")
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"https://{gateway(site.server)}:{listener.server_port}/dir"
    listener.shutdown()
    listener.server_close()


def test_an_authority_that_gives_no_more_is_asked_once_and_says_until_when(site: Site) -> None:
    before = site.serial()
    with exhausted(site) as authority:
        site.configure(NAME, authority=authority)
        result = site.fab("certbot")
    assert result.status == 1, result
    assert f"gives no more certificates for now: {Exhausted.DETAIL}" in " ".join(result.stderr.split()), result
    assert Exhausted.orders == 1
    assert (site.serial(), site.get("/health").status) == (before, 200)


def test_the_broken_file_of_another_site_is_named_and_nothing_is_changed(site: Site) -> None:
    before = site.asked()
    site.server.run("echo 'server { listen 81; brokn; }' >/etc/nginx/sites-enabled/zz")
    try:
        site.configure(NAME, WWW)
        result = site.fab("certbot")
    finally:
        site.server.run("rm /etc/nginx/sites-enabled/zz")
    assert result.status == 1, result
    assert 'unknown directive "brokn" in /etc/nginx/sites-enabled/zz:1' in result.stderr
    assert site.asked() == before
    assert site.get("/health").status == 200


def test_a_certificate_that_was_deleted_is_got_anew(site: Site) -> None:
    site.server.run("certbot delete --non-interactive --cert-name hello")
    assert "get a certificate for hello.test" in site.must("certbot").stdout
    assert site.get("/health").status == 200
    site.repeat_changes_nothing()


def test_one_of_two_apps_is_removed(site: Site, tmp_path: Path) -> None:
    """The other one is untouched, its certificate too; what the removed one has written stays until --data."""
    other = Site(site.server, Project(tmp_path), site.pebble)
    site.configure(NAME)
    site.must("deploy")
    other.configure("other.test", name="other", manager="systemd")
    other.name("other.test")
    other.must("deploy")
    other.server.run("runuser -u other -- touch /srv/other/shared/upload")
    assert json.loads(other.get("/", "other.test").body)["message"]
    names = "-name other -o -name 'other[.-]*' -o -name '*-other*'"
    theirs = f"find /etc /srv /run /var -maxdepth 4 -not -path '/etc/pam.d/*' -not -path '/srv/hello/*' \\( {names} \\) | sort"
    places = "/srv/hello /etc/nginx/*/*hello* /etc/letsencrypt/*/hello* /etc/supervisor /run/hello"
    ours = f"find {places} -xdev -printf '%p %T@ %s\\n' | sort"
    serial, before = site.serial(), site.server.run(ours).stdout
    refused = other.fab("remove")
    assert refused.status == 2 and "--dry-run" in refused.stderr, refused
    there = site.server.run(theirs).stdout
    shown = other.must("remove", "--dry-run")
    assert "-/etc/nginx/sites-enabled/other-tls" in shown.stdout.replace(" ", ""), shown
    assert site.server.run(theirs).stdout == there
    other.must("remove", "--yes")
    own = ("/run/selvedge/other", "/var/log/selvedge/other.log")
    left = site.server.run(theirs).stdout.split()
    assert all(path.startswith((*own, "/srv/other", "/var/log/other")) for path in left), left
    assert site.server.run("ls -A /srv/other; ls /srv/other/shared/upload").stdout.split()[:2] == ["history", "shared"]
    assert "other" not in site.server.run("systemctl list-units --all 'other*' --no-legend; ps -u other -o args= || true").stdout
    assert "remove: nothing to change" in other.must("remove", "--yes").stdout
    other.must("remove", "--yes", "--data")
    left = site.server.run(theirs).stdout.split()
    assert all(path.startswith(own) for path in left), left
    assert site.server.run("getent passwd other || true").stdout == ""
    assert site.server.run(ours).stdout == before
    assert site.serial() == serial and site.get("/health").status == 200
    site.repeat_changes_nothing()


def test_a_certificate_of_ones_own(site: Site, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext",
         f"subjectAltName=DNS:{NAME}", "-keyout", "own.key", "-out", "own.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    files = f"certificate = {json.dumps(str(tmp_path / 'own.pem'))}\ncertificate_key = {json.dumps(str(tmp_path / 'own.key'))}"
    site.configure(NAME, tls=files)
    secret = (tmp_path / "own.key").read_text().splitlines()[3]
    for words in (["certbot", "--dry-run"], ["certbot", "--script"], ["certbot"]):
        result = site.must(*words)
        assert secret not in result.stdout + result.stderr
    assert served(site.server, tmp_path / "own.pem", NAME)["subjectAltName"] == (("DNS", NAME),)
    assert site.server.run("stat -c '%a %U' /etc/selvedge/hello/certificate.pem").stdout == "600 root\n"
    assert site.server.run(f"grep -rlF -e {secret} /var/log || true").stdout == ""
    site.repeat_changes_nothing()
    site.configure(NAME)
    site.must("certbot")
    assert site.certificate()["subjectAltName"] == (("DNS", NAME),)
    assert site.server.run("ls /etc/selvedge/hello").stdout == "acme-ca.pem\n", "a key that nothing uses is gone"


def test_without_a_domain_it_is_plain_http_again(site: Site) -> None:
    site.configure()
    assert "take HTTPS away" in site.must("nginx", "certbot").stdout
    assert request(site.server, "/health", site.server.address).status == 200
    until(site.refuses_https, 10, "port 443 is closed")  # nginx's old workers hold it until they have read a reload
    site.repeat_changes_nothing()
    # The port may be somebody else's by now.
    files = "find /etc/nginx /etc/letsencrypt /etc/selvedge -type f | sort"
    before, asked = site.server.run(files).stdout, site.asked()
    site.server.run("""systemd-run --quiet --unit=squatter python3 -m http.server 443
        until ss -Hltn | grep -q ':443 '; do sleep 0.1; done""")
    site.configure(NAME)
    result = site.fab("certbot")
    site.server.run("systemctl stop squatter")
    assert result.status == 1 and "port 443, which nginx needs, is held by python3 (process " in result.stderr, result
    assert "systemctl disable --now python3" in result.stderr
    assert (site.server.run(files).stdout, site.asked()) == (before, asked)


def test_an_expired_certificate_is_renewed_by_one_command(site: Site, pebble_of: object) -> None:
    brief = Site(site.server, site.project, pebble_of(site.server, lifetime=20))  # type: ignore[operator]
    brief.name(NAME)
    brief.configure(NAME)
    brief.must("certbot")
    before = brief.serial()
    time.sleep(21)
    with pytest.raises(ssl.SSLCertVerificationError):
        brief.certificate()
    assert "renew the certificate, which has expired" in brief.must("certbot").stdout
    assert brief.serial() != before
    site.name(NAME)


def test_debian_13_with_certbot_by_pip(lab: Lab, project: Project, pebble_of: object) -> None:
    server = lab.server("ready", "trixie")
    site = Site(server, project, pebble_of(server))  # type: ignore[operator]
    site.name(NAME)
    site.configure(NAME, tls='certbot = "pip"')
    site.must("install", "nginx", "certbot")
    assert site.certificate()["subjectAltName"] == (("DNS", NAME),)
    assert "[warn]" not in server.run("nginx -t 2>&1").stdout
    assert "active" in server.run("systemctl is-active selvedge-certbot.timer").stdout
    site.repeat_changes_nothing()


def test_alone_on_a_bare_server_it_says_which_task_comes_first(lab: Lab, project: Project) -> None:
    server = lab.server("bare")
    project.configure("", domains=[NAME])
    result = project.fab("-H", server.name, "certbot")
    assert result.status == 1, result
    assert "run `fab nginx` first" in result.stderr
    project.configure("")
    assert "certbot: nothing to change" in project.must("-H", server.name, "certbot").stdout
