"""nginx with and without a certificate."""

from __future__ import annotations

from typing import Any

import pytest

from selvedge.resources.files import Link
from selvedge.resources.nginx.https import HttpsRemoved, ListenTls, NginxHttps
from selvedge.resources.nginx.version import nginx_template
from selvedge.shell.quoting import quote
from tests.support.libraries import functions


class TestListen:
    @pytest.mark.parametrize(
        ("version", "lines"),
        [
            ("nginx version: nginx/1.18.0 (Ubuntu)", "listen 443 ssl http2;\nlisten [::]:443 ssl http2;\n"),
            ("nginx version: nginx/1.22.1", "listen 443 ssl http2;\nlisten [::]:443 ssl http2;\n"),
            ("nginx version: nginx/1.25.0", "listen 443 ssl http2;\nlisten [::]:443 ssl http2;\n"),
            ("nginx version: nginx/1.25.1", "listen 443 ssl;\nlisten [::]:443 ssl;\nhttp2 on;\n"),
            ("nginx version: nginx/1.26.3", "listen 443 ssl;\nlisten [::]:443 ssl;\nhttp2 on;\n"),
        ],
    )
    def test_each_version_of_nginx_gets_its_directives(self, server: Any, version: str, lines: str) -> None:
        server.program("nginx", f"echo {quote(version)} >&2")
        server.make(ListenTls("/etc/nginx/snippets/listen.conf", nginx_template("nginx/listen-tls.conf.j2", port=443)))
        assert server.path("/etc/nginx/snippets/listen.conf").read_text().endswith(lines)


class TestPlainHttp:
    PATHS = ("/etc/nginx/sites-enabled/hello-tls", "/etc/nginx/snippets/hello-http.conf", "/etc/nginx/sites-available/hello-tls")

    @pytest.fixture
    def left(self, server: Any) -> Any:
        for path in self.PATHS:
            server.path(path).parent.mkdir(parents=True, exist_ok=True)
            server.path(path).write_text("x\n")
        server.program("systemctl", 'echo "$*" >>/opt/calls')
        server.program("nginx", "exit 0")
        return server

    def test_leftovers_of_https_are_removed_and_nginx_reloads(self, left: Any) -> None:
        assert left.make(HttpsRemoved(self.PATHS))
        assert not [path for path in self.PATHS if left.path(path).exists()]
        assert left.path("/opt/calls").read_text() == "reload nginx\n"

    def test_the_files_are_restored_if_nginx_refuses(self, left: Any) -> None:
        left.program("nginx", "exit 1")
        assert left.apply(left.plan(HttpsRemoved(self.PATHS))).status == 1
        assert all(left.path(path).exists() for path in self.PATHS)
        assert not left.path("/opt/calls").exists()
        left.program("nginx", "exit 0")
        assert left.make(HttpsRemoved(self.PATHS))

    def test_an_interrupted_removal_is_repeated(self, left: Any) -> None:
        left.program("systemctl", "ls /etc/nginx/*/ >/opt/there; exit 1")
        left.apply(left.plan(HttpsRemoved(self.PATHS)))
        there = left.path("/opt/there").read_text().splitlines()
        assert "hello-tls" in there and "hello-http.conf" not in there, "nginx reloads before the mark is deleted"
        left.program("systemctl", 'echo "$*" >>/opt/calls')
        for path in self.PATHS[:2]:
            left.path(path).unlink()
        left.make(HttpsRemoved(self.PATHS))
        assert left.path("/opt/calls").read_text() == "reload nginx\n"


class TestHttps:
    CHAIN = "/etc/letsencrypt/live/hello/fullchain.pem"

    @pytest.fixture
    def https(self, server: Any) -> NginxHttps:
        server.path(self.CHAIN).parent.mkdir(parents=True)
        server.path(self.CHAIN).write_text("certificate\n")
        server.program("systemctl", "echo UnitFileState=enabled; echo ActiveState=active")
        server.program("nginx", "exit 0")
        # The text of a certificate is its fingerprint here; s_client prints the served one.
        server.program("openssl", f"""
case $* in
  s_client*) cat /opt/served ;;
  *" -in "*) cat {self.CHAIN} ;;
  *) cat ;;
esac""")
        link = Link("/etc/nginx/sites-enabled/hello-tls", to="/etc/nginx/sites-available/hello-tls")
        return NginxHttps(loads=(link,), stamp="nginx-tls-hello", domain="a.test", fullchain=self.CHAIN)

    def test_a_reload_counts_when_the_certificate_is_served(self, server: Any, https: NginxHttps) -> None:
        server.path("/opt/served").write_text("certificate\n")
        assert server.make(*https.loads, https)
        assert not server.make(*https.loads, https)

    def test_a_reload_without_effect_fails_and_is_repeated(self, server: Any, https: NginxHttps) -> None:
        server.path("/opt/served").write_text("the old one\n")
        done = server.apply(server.plan(*https.loads, https))
        assert (done.status, "does not serve the certificate of a.test" in done.error) == (1, True)
        assert not server.path("/etc/nginx/sites-enabled/hello-tls").is_symlink()
        server.path("/opt/served").write_text("certificate\n")
        assert server.make(*https.loads, https)

    def test_a_renewed_certificate_is_loaded(self, server: Any, https: NginxHttps) -> None:
        served, chain = server.path("/opt/served"), server.path(self.CHAIN)
        served.write_text("certificate\n")
        server.make(*https.loads, https)
        chain.write_text("renewed\n")
        chain.touch()
        served.write_text("certificate\nnotAfter=Apr  1 00:00:00 2026 GMT\n")
        ((_, change),) = server.plan(*https.loads, https).changes
        assert change.summary == "reload nginx, which serves an old certificate, valid until 2026-04-01"
        served.write_text("")
        ((_, change),) = server.plan(*https.loads, https).changes
        assert change.summary == "reload nginx, which serves no certificate"
        server.program("systemctl", f"""
echo UnitFileState=enabled; echo ActiveState=active
[ $1 != reload ] || cat {self.CHAIN} >/opt/served""")
        assert server.make(*https.loads, https)

    def test_without_a_renewal_the_served_certificate_is_not_checked(self, server: Any, https: NginxHttps) -> None:
        server.path("/opt/served").write_text("certificate\n")
        server.make(*https.loads, https)
        server.program("openssl", "echo asked >/opt/asked")
        assert not server.plan(*https.loads, https) and not server.path("/opt/asked").exists()

    def test_a_site_without_its_certificate_does_not_block_a_new_one(self, server: Any, https: NginxHttps) -> None:
        server.path("/opt/served").write_text("certificate\n")
        server.make(*https.loads, https)
        server.program("nginx", f"[ -e {self.CHAIN} ] || {{ echo '[emerg] no certificate'; exit 1; }}")
        script = f"undo=/opt\n{functions('service', 'stamp', 'nginx')}\n{https.before_loads()}\necho passed"
        assert b"passed" in server.run(script).stdout
        server.path(self.CHAIN).unlink()
        assert b"passed" in server.run(script).stdout, "the certificate is what is being mended"
        server.path("/etc/nginx/sites-enabled/hello-tls").unlink()
        assert b"rejects its current configuration" in server.run(f"mark=x\n{script}").stdout
