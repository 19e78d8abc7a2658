"""The step `certbot`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from selvedge.errors import ConfigError
from selvedge.resources.code.tools import Tool
from selvedge.resources.files import Absent, File
from selvedge.resources.nginx.certbot import CertbotSnap
from selvedge.resources.nginx.certificates import PRODUCTION, STAGING, Certificate
from selvedge.resources.nginx.https import HttpsRemoved
from selvedge.resources.nginx.sites import DefaultServer
from selvedge.resources.packages import Packages
from selvedge.resources.services import Service
from tasks.certbot import certbot
from tasks.nginx import nginx


def kinds(resources: list[Any]) -> list[str]:
    return [type(resource).__name__ for resource in resources]


class TestStep:
    DOMAINS = ("a.test", "www.a.test")

    def resources(self, target: Any, **tls: Any) -> list[Any]:
        return list(certbot.resources(target(domains=list(self.DOMAINS), tls=tls)))

    @pytest.mark.parametrize("settings", [{}, {"domains": ["a.test"], "tls": {"upstream": True}}])
    def test_without_a_certificate_the_step_only_removes(self, target: Any, settings: dict[str, Any]) -> None:
        default, resource = certbot.resources(target(**settings))
        assert "/etc/selvedge/hello/certificate.pem" in resource.probe()
        assert isinstance(default, DefaultServer) and isinstance(resource, HttpsRemoved)
        assert default.plan("\n--\nabsent\n") is None
        assert resource.plan("") is None

    def test_the_https_site_answers_the_challenge(self, target: Any) -> None:
        texts = [each.text for each in self.resources(target) if getattr(each, "path", "").endswith("available/hello-tls")]
        assert ["location ^~ /.well-known/acme-challenge/ {" in text for text in texts] == [True]

    def test_with_a_domain_the_step_requests_and_serves_a_certificate(self, target: Any) -> None:
        resources = self.resources(target, email="me@a.test")
        assert kinds(resources) == [
            "Needs", "Port", "PortProtocol", "PortAllowed", "Packages", "Absent", "Absent", "Service", "Certificate", "ListenTls",
            "File", "Link", "File", "FormerNamesDropped", "DefaultServer", "NginxHttps", "Absent",
        ]  # fmt: skip
        certificate, https = resources[8], resources[-2]
        assert resources[5] == Absent("/etc/selvedge/hello/acme-ca.pem")
        # An unused key is deleted after nginx has loaded the other one.
        assert resources[-1] == Absent("/etc/selvedge/hello/certificate.pem")
        assert (certificate.domains, certificate.server, certificate.email) == (self.DOMAINS, PRODUCTION, "me@a.test")
        assert list(https.loads) == resources[8:-2]
        assert resources[7].name == "certbot.timer"

    @pytest.mark.parametrize(
        ("tls", "server"),
        [
            ({}, PRODUCTION),
            ({"staging": True}, STAGING),
            ({"acme_server": "https://ca.test:14000/dir"}, "https://ca.test:14000/dir"),
        ],
    )
    def test_the_authority_is_a_setting(self, target: Any, tls: dict[str, Any], server: str) -> None:
        (certificate,) = (each for each in self.resources(target, **tls) if isinstance(each, Certificate))
        assert certificate.server == server

    @pytest.mark.parametrize(
        ("origin", "kind", "program", "timer"),
        [
            ("apt", Packages, "/usr/bin/certbot", "certbot.timer"),
            ("snap", CertbotSnap, "/snap/bin/certbot", "snap.certbot.renew.timer"),
            ("pip", Tool, "/opt/selvedge/certbot/bin/certbot", "selvedge-certbot.timer"),
        ],
    )
    def test_where_certbot_comes_from(self, target: Any, origin: str, kind: type, program: str, timer: str) -> None:
        resources = self.resources(target, certbot=origin)
        assert isinstance(resources[4], kind)
        assert [each.program for each in resources if isinstance(each, Certificate)] == [program]
        assert [each.name for each in resources if isinstance(each, Service)] == [timer, "nginx"]

    def test_certbot_by_pip_gets_a_timer(self, target: Any) -> None:
        files = [each for each in self.resources(target, certbot="pip") if isinstance(each, File)]
        assert [file.path for file in files][:2] == [
            f"/etc/systemd/system/selvedge-certbot.{kind}" for kind in ("service", "timer")
        ]
        assert "ExecStart=/opt/selvedge/certbot/bin/certbot --quiet renew" in files[0].text

    def test_a_private_authority_is_trusted_at_renewals_too(self, target: Any, tmp_path: Path, certificates: Path) -> None:
        (tmp_path / "ca.pem").write_text((certificates / "one.pem").read_text())
        resources = self.resources(target, acme_ca="ca.pem")
        paths = [each.path for each in resources if isinstance(each, File)]
        assert paths[:2] == [
            "/etc/selvedge/hello/acme-ca.pem",
            "/etc/systemd/system/certbot.service.d/selvedge.conf",
        ]
        assert paths.index("/etc/selvedge/hello/acme-ca.pem") < kinds(resources).index("Certificate")

    @pytest.mark.parametrize("content", [
        None,
        b"",
        b"no pem",
        b"\xff\xfe",
        b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n",
        b"-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n",
    ])  # fmt: skip
    def test_a_file_that_is_not_a_certificate_is_refused(
        self, target: Any, tmp_path: Path, content: bytes | None
    ) -> None:
        if content is not None:
            (tmp_path / "ca.pem").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            self.resources(target, acme_ca="ca.pem")
        assert caught.value.key == "tls.acme_ca"
        assert str(tmp_path / "ca.pem") in str(caught.value)

    @pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
    @pytest.mark.parametrize("order", ["{key}", "{certificate}{key}", "{key}{certificate}", "{certificate} {key}"])
    def test_a_private_key_in_the_authoritys_file_is_refused_and_not_shown(
        self, target: Any, tmp_path: Path, certificates: Path, kind: str, order: str
    ) -> None:
        key = f"-----BEGIN {kind}-----\nc4naryS3cret\n-----END {kind}-----\n"
        (tmp_path / "ca.pem").write_text(order.format(key=key, certificate=(certificates / "one.pem").read_text()))
        with pytest.raises(ConfigError) as caught:
            self.resources(target, acme_ca="ca.pem")
        assert f"tls.acme_ca: {tmp_path / 'ca.pem'} has a private key in it, and must have certificates only." in str(caught.value)
        assert "c4naryS3cret" not in str(caught.value)

    def test_text_around_the_authoritys_certificate_stays_here(self, target: Any, tmp_path: Path, certificates: Path) -> None:
        certificate = (certificates / "one.pem").read_text()
        (tmp_path / "ca.pem").write_text(f"password = c4nary\r\n{certificate}Issuer: c4nary\n{certificate}")
        (sent,) = (each for each in self.resources(target, acme_ca="ca.pem") if str(getattr(each, "path", "")).endswith("ca.pem"))
        assert sent.text == certificate * 2

    def test_the_https_site_names_the_certificate_and_the_shared_snippet(self, target: Any) -> None:
        site = next(each for each in self.resources(target, hsts=300) if getattr(each, "path", "").endswith("hello-tls"))
        for line in (
            "server_name a.test www.a.test;",
            "ssl_certificate /etc/letsencrypt/live/hello/fullchain.pem;",
            "ssl_protocols TLSv1.2 TLSv1.3;",
            'add_header Strict-Transport-Security "max-age=300" always;',
            "include /etc/nginx/snippets/hello.conf;",
        ):
            assert f"    {line}\n" in site.text

    def test_hsts_is_off_by_default(self, target: Any) -> None:
        texts = [each.text for each in self.resources(target) if isinstance(each, File)]
        assert not [text for text in texts if "Strict-Transport-Security" in text]


class TestOwnCertificate:
    def test_your_own_certificate_needs_no_certbot(self, target: Any, certificates: Path) -> None:  # noqa: ARG002
        tls = {"certificate": "one.pem", "certificate_key": "one.key"}
        found = kinds(list(certbot.resources(target(domains=["a.test"], tls=tls))))
        assert found == [
            "Needs", "Port", "PortProtocol", "PortAllowed", "OwnCertificate", "ListenTls", "File", "Link", "File",
            "FormerNamesDropped", "DefaultServer", "NginxHttps",
        ]  # fmt: skip


class TestAccount:
    def certificate(self, target: Any, key: str) -> Certificate:
        secrets = {"SELVEDGE_EAB_HMAC_KEY": SecretStr(key)} if key else {}
        app = target(domains=["a.test"], tls={"acme_server": "https://ca.test/dir", "eab_kid": "kid-1"})
        app = app.model_copy(update={"passwords": secrets})
        return next(each for each in certbot.resources(app) if isinstance(each, Certificate))

    def test_the_key_is_only_in_the_payload(self, target: Any) -> None:
        certificate = self.certificate(target, "c4nary-0123456789_A==")
        change = certificate.plan("")
        assert change and change.payload == b"eab-kid = kid-1\neab-hmac-key = c4nary-0123456789_A\n"
        assert "c4nary" not in f"{change.shell}{change.diff}{change.summary}{certificate!r}"
        assert f'head -c {len(change.payload)} <&3 >"$undo/account.ini"' in change.shell

    @pytest.mark.parametrize("key", ["", "short", "c4nary key 12345", "c4nary-0123\nserver = x", "c4nary+/0123456789"])
    def test_a_key_that_is_missing_or_no_base64url_is_refused_and_not_shown(self, target: Any, key: str) -> None:
        with pytest.raises(ConfigError) as caught:
            self.certificate(target, key)
        assert caught.value.key == "SELVEDGE_EAB_HMAC_KEY" and "c4nary" not in str(caught.value)


class TestDns:
    def test_certbot_and_its_plugin_write_to_the_dns(self, app: Any) -> None:
        resources = list(certbot.resources(app("over DNS, other ports")))
        (packages,) = (each for each in resources if isinstance(each, Packages))
        assert packages.names == ("certbot", "python3-certbot-dns-rfc2136")
        (certificate,) = (each for each in resources if isinstance(each, Certificate))
        change = certificate.plan("")
        # An authority refuses www.a.test beside *.a.test.
        assert certificate.domains == ("a.test", "*.a.test")
        assert change and "checked=''\n" in change.shell and " --authenticator=dns-rfc2136 " in change.shell
        assert "--dns-rfc2136-credentials=/etc/selvedge/hello/dns-credentials" in change.shell
        assert "--dns-rfc2136-propagation-seconds=5" in change.shell

    def test_a_plugin_from_the_package_index(self, app: Any) -> None:
        tls = {"challenge": "dns", "dns_plugin": "aliyun-next", "dns_credentials": "dns.ini", "certbot": "pip"}
        (tool,) = (each for each in certbot.resources(app("domains", tls=tls)) if isinstance(each, Tool))
        assert (tool.requirement, tool.plugins) == ("certbot>=2", ("certbot-dns-aliyun-next",))

    def test_credentials_in_a_variable(self, app: Any) -> None:
        tls = {"challenge": "dns", "dns_plugin": "cloudflare"}
        settings = app("domains", tls=tls)
        with pytest.raises(ConfigError, match="needs the credentials of your DNS provider"):
            list(certbot.resources(settings))
        known = settings.model_copy(update={"passwords": {"SELVEDGE_DNS_CREDENTIALS": SecretStr("x = c4nary")}})
        (file,) = (each for each in certbot.resources(known) if isinstance(each, File) and each.secret)
        assert (file.path, file.text, file.mode) == ("/etc/selvedge/hello/dns-credentials", "x = c4nary\n", "0600")

    def test_route53_takes_no_file(self, app: Any) -> None:
        """certbot-dns-route53 has no argument for credentials, and certbot would refuse the whole command."""
        settings = app("domains", tls={"challenge": "dns", "dns_plugin": "route53"})
        (certificate,) = (each for each in certbot.resources(settings) if isinstance(each, Certificate))
        assert certificate.dns and certificate.dns.arguments == ("--authenticator=dns-route53",)
        known = settings.model_copy(update={"passwords": {"SELVEDGE_DNS_CREDENTIALS": SecretStr("x = c4nary")}})
        with pytest.raises(ConfigError, match="has no effect with the plugin route53") as caught:
            list(certbot.resources(known))
        assert caught.value.key == "SELVEDGE_DNS_CREDENTIALS" and "/root/.aws/credentials" in caught.value.remedy

    def test_addresses_name_the_ports(self, app: Any) -> None:
        settings = app("over DNS, other ports")
        assert settings.url == "https://a.test:8443/"
        texts = {each.path: each.text for each in certbot.resources(settings) if isinstance(each, File) and not each.secret}
        assert "https://$host:8443$request_uri" in texts["/etc/nginx/snippets/hello-http.conf"]
        tls = texts["/etc/nginx/sites-available/hello-tls"]
        assert "include /etc/nginx/snippets/selvedge-listen-tls-8443.conf;" in tls
        assert "server_name a.test *.a.test;" in tls and "return 301 https://a.test:8443$request_uri;" in tls
        site = {each.path: each.text for each in nginx.resources(settings) if isinstance(each, File)}
        assert "return 301 $scheme://a.test:8080$request_uri;" in site["/etc/nginx/sites-available/hello"]
        assert not [text for text in (*texts.values(), *site.values()) if re.search(r"listen (\[::\]:)?(80|443)\b", text)]
