"""The step `certbot`: when a certificate is asked for, what is checked before, and what nginx is told."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selvedge.plan import apply_script, plan

from selvedge.errors import ConfigError
from selvedge.resources.certbot import Snap
from selvedge.resources.certificate import (
    PRODUCTION,
    RELOAD_HOOK,
    STAGING,
    Certificate,
    Found,
    Https,
    Listen,
    OwnCertificate,
    PlainHttp,
)
from selvedge.resources.files import Absent, File, Link
from selvedge.resources.python import Tool
from selvedge.resources.site import Default
from selvedge.resources.system import Packages, Service
from selvedge.shell import library, quote, words
from tasks.certbot import certbot

DAY = 86400
# A folder that every machine has a parent of: the tests run in a view of its files.
WEBROOT = "/srv/letsencrypt"
CERTIFICATE = Certificate("hello", ("a.test", "www.a.test"), WEBROOT)
# 90 days, from 2026-01-01 on.
START, END = "Jan  1 00:00:00 2026 GMT", "Apr  1 00:00:00 2026 GMT"
EPOCH_START, EPOCH_END = 1767225600, 1775001600


def fact(
    now: float = EPOCH_START + DAY,
    names: str = "DNS:a.test, DNS:www.a.test",
    server: str = PRODUCTION,
    hook: str = RELOAD_HOOK,
    authenticator: str = "webroot",
    webroot: str = f"{WEBROOT},",
) -> str:
    """What `certificate_fact` prints, in the words of openssl 3 and certbot 2."""
    return (
        f"now={now}\nnotBefore={START}\nnotAfter={END}\nX509v3 Subject Alternative Name: \n    {names}\n"
        f"renew_hook = {hook}\nserver = {server}\nauthenticator = {authenticator}\nwebroot_path = {webroot}\n"
    )


def kinds(resources: list[Any]) -> list[str]:
    return [type(resource).__name__ for resource in resources]


class TestPlan:
    @pytest.mark.parametrize(
        ("read", "summary"),
        [
            ("", "get a certificate for a.test, www.a.test"),
            ("now=1\nunable to load certificate\n", "get a certificate for a.test, www.a.test"),
            (fact(), None),
            (fact(names="DNS:www.a.test, DNS:a.test"), None),
            (fact(names="DNS:a.test"), "get the certificate anew with www.a.test"),
            (fact(names="DNS:a.test, DNS:www.a.test, DNS:b.test"), "get the certificate anew without b.test"),
            (fact(names="DNS:a.test, DNS:b.test"), "get the certificate anew with www.a.test and without b.test"),
            (fact(server=STAGING), f"get the certificate anew from {PRODUCTION}"),
            (fact(now=EPOCH_END - 30 * DAY), None),
            (fact(now=EPOCH_END - 19 * DAY), None),
            (fact(now=EPOCH_END - 17 * DAY), "renew the certificate, which ends in 17.0 days"),
            (fact(now=EPOCH_END + 1), "renew the certificate, which has expired"),
        ],
    )
    def test_a_certificate_is_asked_for_where_it_is_needed(self, read: str, summary: str | None) -> None:
        change = CERTIFICATE.plan(read)
        assert (change.summary if change else None) == summary

    @pytest.mark.parametrize(
        "read", [fact(hook=""), fact(authenticator="nginx"), fact(webroot="/var/www/html,"), fact(hook="systemctl restart nginx")]
    )
    def test_one_whose_renewal_goes_other_ways_is_taken_over(self, read: str) -> None:
        change = CERTIFICATE.plan(read)
        assert change is not None
        assert change.summary.endswith("so that its renewal goes through the site and reloads nginx")

    def test_dates_are_read_as_what_they_are(self) -> None:
        found = Found.parse(fact(now=5))
        assert found is not None
        assert (found.start, found.end, found.now) == (EPOCH_START, EPOCH_END, 5)

    def test_an_email_that_changes_reloads_nothing(self) -> None:
        other = Certificate("hello", CERTIFICATE.domains, WEBROOT, email="me@a.test", program="/snap/bin/certbot")
        assert other.identity() == CERTIFICATE.identity()


class TestStep:
    DOMAINS = ("a.test", "www.a.test")

    def resources(self, target: Any, **tls: Any) -> list[Any]:
        return list(certbot.resources(target(domains=list(self.DOMAINS), tls=tls)))

    @pytest.mark.parametrize("settings", [{}, {"domains": ["a.test"], "tls": {"upstream": True}}])
    def test_without_a_certificate_of_its_own_it_only_takes_away(self, target: Any, settings: dict[str, Any]) -> None:
        default, resource = certbot.resources(target(**settings))
        assert "/etc/selvedge/hello/certificate.pem" in resource.probe()
        assert isinstance(default, Default) and isinstance(resource, PlainHttp)
        assert default.plan("\n--\nabsent\n") is None
        assert resource.plan("") is None

    def test_the_authority_may_ask_over_https(self, target: Any) -> None:
        texts = [each.text for each in self.resources(target) if getattr(each, "path", "").endswith("available/hello-tls")]
        assert ["location ^~ /.well-known/acme-challenge/ {" in text for text in texts] == [True]

    def test_with_a_domain_it_gets_one_and_serves_it(self, target: Any) -> None:
        resources = self.resources(target, email="me@a.test")
        assert kinds(resources) == [
            "Needs", "Port", "Packages", "Absent", "Service", "Certificate", "Listen", "File", "Link", "File", "Default",
            "Https", "Absent",
        ]  # fmt: skip
        certificate, https = resources[5], resources[-2]
        assert resources[3] == Absent("/etc/selvedge/hello/acme-ca.pem")
        # A key that is used no more goes, once nginx has loaded the other one.
        assert resources[-1] == Absent("/etc/selvedge/hello/certificate.pem")
        assert (certificate.domains, certificate.server, certificate.email) == (self.DOMAINS, PRODUCTION, "me@a.test")
        assert list(https.loads) == resources[5:-2]
        assert resources[4].name == "certbot.timer"

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
            ("snap", Snap, "/snap/bin/certbot", "snap.certbot.renew.timer"),
            ("pip", Tool, "/opt/selvedge/certbot/bin/certbot", "selvedge-certbot.timer"),
        ],
    )
    def test_where_certbot_comes_from(self, target: Any, origin: str, kind: type, program: str, timer: str) -> None:
        resources = self.resources(target, certbot=origin)
        assert isinstance(resources[2], kind)
        assert [each.program for each in resources if isinstance(each, Certificate)] == [program]
        assert [each.name for each in resources if isinstance(each, Service)] == [timer, "nginx"]

    def test_pip_brings_the_timer_that_it_lacks(self, target: Any) -> None:
        files = [each for each in self.resources(target, certbot="pip") if isinstance(each, File)]
        assert [file.path for file in files][:2] == [
            f"/etc/systemd/system/selvedge-certbot.{kind}" for kind in ("service", "timer")
        ]
        assert "ExecStart=/opt/selvedge/certbot/bin/certbot --quiet renew" in files[0].text

    def test_a_private_authority_is_trusted_at_renewals_too(self, target: Any, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----")
        resources = self.resources(target, acme_ca="ca.pem")
        paths = [each.path for each in resources if isinstance(each, File)]
        assert paths[:2] == [
            "/etc/selvedge/hello/acme-ca.pem",
            "/etc/systemd/system/certbot.service.d/selvedge.conf",
        ]
        assert paths.index("/etc/selvedge/hello/acme-ca.pem") < kinds(resources).index("Certificate")

    @pytest.mark.parametrize("content", [None, b"", b"no pem", b"\xff\xfe"])
    def test_a_file_that_is_no_certificate_is_refused_by_its_setting(
        self, target: Any, tmp_path: Path, content: bytes | None
    ) -> None:
        if content is not None:
            (tmp_path / "ca.pem").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            self.resources(target, acme_ca="ca.pem")
        assert caught.value.key == "tls.acme_ca"
        assert str(tmp_path / "ca.pem") in str(caught.value)

    def test_the_site_names_the_certificate_and_what_both_sites_share(self, target: Any) -> None:
        site = next(each for each in self.resources(target, hsts=300) if getattr(each, "path", "").endswith("hello-tls"))
        for line in (
            "server_name a.test www.a.test;",
            "ssl_certificate /etc/letsencrypt/live/hello/fullchain.pem;",
            "ssl_protocols TLSv1.2 TLSv1.3;",
            'add_header Strict-Transport-Security "max-age=300" always;',
            "include /etc/nginx/snippets/hello.conf;",
        ):
            assert f"    {line}\n" in site.text

    def test_hsts_is_not_sent_where_it_is_not_set(self, target: Any) -> None:
        texts = [each.text for each in self.resources(target) if isinstance(each, File)]
        assert not [text for text in texts if "Strict-Transport-Security" in text]

    def test_the_whole_script_is_sound_shell(self, target: Any) -> None:
        resources = self.resources(target, certbot="pip", email="o'$(touch x)`x`@a.test".replace("$(touch x)", "$x"))
        facts = ["there" if kind in ("Needs", "Port") else "" for kind in kinds(resources)]
        script = apply_script(plan(resources, facts), "@test", lock="hello", log="hello")
        command = [Path(sys.executable).with_name("shellcheck"), "--shell=dash", "--severity=warning", "-"]
        found = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout


class TestOwnCertificate:
    @pytest.fixture
    def pair(self, tmp_path: Path) -> Path:
        for name in ("one", "two"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", "2", "-subj", "/CN=a.test", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
                cwd=tmp_path, check=True, capture_output=True,
            )  # fmt: skip
        subprocess.run(
            ["openssl", "ec", "-aes128", "-passout", "pass:secret", "-in", "one.key", "-out", "locked.key"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
        return tmp_path

    def own(self, target: Any, key: str) -> OwnCertificate:
        return OwnCertificate.of(target(domains=["a.test"], tls={"certificate": "one.pem", "certificate_key": key}))

    def test_both_go_into_one_file_that_only_root_reads(self, target: Any, pair: Path) -> None:
        own = self.own(target, "one.key")
        assert own.text == (pair / "one.pem").read_text() + (pair / "one.key").read_text()
        assert (own.mode, own.owner, own.secret, own.chain, own.key) == ("0600", "root", True, own.path, own.path)
        change = own.plan("absent\n")
        assert change is not None
        assert "PRIVATE" not in change.shell + change.diff + repr(own)

    @pytest.mark.parametrize("key", ["two.key", "locked.key", "one.pem", "none.key"])
    def test_a_key_that_does_not_fit_is_refused_before_anything_is_contacted(
        self, target: Any, pair: Path, key: str  # noqa: ARG002
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            self.own(target, key)
        assert caught.value.key == "tls.certificate_key"

    def test_it_needs_no_certbot(self, target: Any, pair: Path) -> None:  # noqa: ARG002
        tls = {"certificate": "one.pem", "certificate_key": "one.key"}
        found = kinds(list(certbot.resources(target(domains=["a.test"], tls=tls))))
        assert found == ["Needs", "Port", "OwnCertificate", "Listen", "File", "Link", "File", "Default", "Https"]


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
    def test_each_version_gets_the_directives_that_it_knows(self, server: Any, version: str, lines: str) -> None:
        server.program("nginx", f"echo {quote(version)} >&2")
        server.make(Listen("/etc/nginx/snippets/listen.conf"))
        assert server.path("/etc/nginx/snippets/listen.conf").read_text().endswith(lines)


class TestFact:
    def test_a_certificate_as_openssl_makes_it_and_a_renewal_as_certbot_writes_it(self, server: Any) -> None:
        live, renewal = server.path("/etc/letsencrypt/live/hello"), server.path("/etc/letsencrypt/renewal/hello.conf")
        assert server.read(CERTIFICATE) == [""]
        live.mkdir(parents=True)
        renewal.parent.mkdir(parents=True)
        names = ",".join(f"DNS:{name}" for name in CERTIFICATE.domains)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "90", "-subj", "/CN=a.test", "-addext", f"subjectAltName={names}", "-keyout", "privkey.pem", "-out",
             "fullchain.pem"],
            cwd=live, check=True, capture_output=True,
        )  # fmt: skip
        renewal.write_text(
            f"[renewalparams]\naccount = 1\nserver = {PRODUCTION}\nauthenticator = webroot\n"
            f"renew_hook = {RELOAD_HOOK}\nwebroot_path = {WEBROOT},\n[[webroot_map]]\na.test = {WEBROOT}\n"
        )
        before = server.tree()
        (read,) = server.read(CERTIFICATE)
        assert server.tree() == before
        assert CERTIFICATE.plan(read) is None, read


@pytest.fixture
def issue(server: Any) -> Any:
    """A server where certbot, curl, getent and ip are programs that answer as a test says."""

    def setup(
        certbot: str = "exit 0",
        names: str = "echo 10.0.0.5 STREAM $3",
        own: str = "10.0.0.5/24",
        curl: str = 'for last; do :; done; cat "/srv/letsencrypt${last#http://*test}"; echo; echo HTTP status 200',
    ) -> Any:
        server.program("certbot", f'printf "%s\\n" "$@" >>/opt/argv\necho called >>/opt/calls\n{certbot}')
        server.program("getent", names)
        server.program("ip", f'printf "1: lo inet 127.0.0.1/8 x\\n2: e inet %s x\\n" {own}')
        server.program("curl", curl)
        server.program("sleep", "echo slept >>/opt/slept")
        return server

    return setup


def ask(server: Any, certificate: Certificate | None = None) -> Any:
    found = certificate or Certificate("hello", ("a.test",), WEBROOT, program="/usr/local/sbin/certbot")
    return server.apply(plan([found], [""]))


def called(server: Any) -> int:
    calls = server.path("/opt/calls")
    return len(calls.read_text().splitlines()) if calls.exists() else 0


class TestBeforeAsking:
    """What is found out on the server itself, so that no try is wasted at the authority."""

    def test_a_name_that_leads_here_is_asked_for(self, issue: Any) -> None:
        server = issue()
        done = ask(server)
        assert (done.status, called(server)) == (0, 1), done.output
        assert not list(server.path(f"{WEBROOT}/.well-known/acme-challenge").iterdir()), "the token is left"

    @pytest.mark.parametrize(
        ("settings", "problem"),
        [
            ({"names": "exit 2"}, "a.test has no address in the DNS: add an A record"),
            (
                {"names": "echo 10.9.9.9 STREAM", "curl": "echo 'curl: (28) timed out' >&2; exit 28"},
                "a.test leads to 10.9.9.9, and not to this server (10.0.0.5): correct its A record",
            ),
            (
                {"names": "echo 10.9.9.9 STREAM", "curl": "echo Welcome; echo HTTP status 200"},
                "a.test leads to 10.9.9.9, and not to this server",
            ),
            (
                {"names": "echo 2001:db8::9 STREAM", "curl": "exit 7"},
                "a.test leads to 2001:db8::9, and not to this server (10.0.0.5): correct its AAAA record",
            ),
            (
                {"curl": "echo '<html>'; echo; echo HTTP status 404"},
                "nginx here does not answer for http://a.test/.well-known/acme-challenge/ at 10.0.0.5 (HTTP status 404)",
            ),
        ],
    )
    def test_what_would_fail_there_fails_here(self, issue: Any, settings: dict[str, str], problem: str) -> None:
        server = issue(**settings)
        done = ask(server)
        assert done.status == 1
        assert done.error.startswith("No certificate was asked for: ")
        assert problem in done.error
        assert called(server) == 0
        assert not list(server.path(f"{WEBROOT}/.well-known/acme-challenge").iterdir()), "the token is left"

    def test_one_of_two_addresses_that_is_wrong_is_found(self, issue: Any) -> None:
        curl = 'case $* in *10.9.9.9*) exit 7 ;; esac; for last; do :; done; cat "/srv/letsencrypt${last#http://*test}"'
        server = issue(names="printf '10.0.0.5 STREAM\\n10.9.9.9 STREAM\\n'", curl=curl)
        error = ask(server).error
        assert "a.test leads to 10.9.9.9" in error
        assert "10.0.0.5, and not" not in error

    def test_all_names_are_told_at_once(self, issue: Any) -> None:
        server = issue(names="exit 2")
        done = ask(server, Certificate("hello", ("a.test", "b.test"), WEBROOT, program="/usr/local/sbin/certbot"))
        assert "a.test has no address" in done.error
        assert "b.test has no address" in done.error

    def test_behind_an_address_translation_the_authority_has_the_last_word(self, issue: Any) -> None:
        server = issue(names="echo 93.184.216.34 STREAM", curl="exit 7")
        done = ask(server)
        assert (done.status, called(server)) == (0, 1)
        assert any("cannot be seen from here" in said for said in done.said)

    def test_a_server_with_a_public_address_is_behind_none(self, issue: Any) -> None:
        server = issue(names="echo 93.184.216.34 STREAM", own="93.184.216.35/24", curl="exit 7")
        assert ask(server).status == 1
        assert called(server) == 0


@given(st.ip_addresses(v=4))
def test_private_addresses_are_those_of_the_standards(address: ipaddress.IPv4Address) -> None:
    shared = ipaddress.ip_network("100.64.0.0/10")
    networks = [ipaddress.ip_network(each) for each in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16")]  # fmt: skip
    wanted = any(address in network for network in [*networks, shared])
    script = f"{library('certbot')}\ncertbot_private {address} && echo private"
    assert (subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False).stdout != "") is wanted


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("172.15.0.1", False), ("172.16.0.1", True), ("172.31.9.9", True), ("172.32.0.1", False), ("172.2.0.1", False),
        ("100.63.0.1", False), ("100.64.0.1", True), ("100.99.0.1", True), ("100.127.0.1", True), ("100.128.0.1", False),
        ("192.168.0.1", True), ("192.169.0.1", False), ("169.254.1.1", True), ("11.0.0.1", False), ("10.0.0.1", True),
    ],
)  # fmt: skip
def test_the_borders_of_the_private_networks(address: str, private: bool) -> None:
    script = f"{library('certbot')}\ncertbot_private {address} && echo private"
    assert (subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False).stdout != "") is private


class TestAsking:
    def test_certbot_gets_what_the_settings_say(self, issue: Any) -> None:
        server = issue()
        email = "o'b$r`i`en&co@a.test"
        certificate = Certificate(
            "hello", ("a.test", "b.test"), WEBROOT, STAGING, email, "/usr/local/sbin/certbot"
        )
        assert ask(server, certificate).status == 0
        words_seen = server.path("/opt/argv").read_text().splitlines()
        following = dict(pairwise(words_seen))
        assert following["--email"] == email
        assert following["--server"] == STAGING
        assert following["--deploy-hook"] == RELOAD_HOOK
        assert following["--webroot-path"] == WEBROOT
        assert [after for word, after in pairwise(words_seen) if word == "-d"] == ["a.test", "b.test"]
        assert "--non-interactive" in words_seen

    def test_without_an_email_it_registers_without(self, issue: Any) -> None:
        server = issue()
        assert ask(server).status == 0
        argv = server.path("/opt/argv").read_text().splitlines()
        assert "--register-unsafely-without-email" in argv
        assert "--email" not in argv

    def test_the_authoritys_words_are_found_where_certbot_fails_over_them(self, issue: Any) -> None:
        """certbot 2.1 of Debian 12, as it answered an authority that gives no more."""
        server = issue(certbot="echo 'An unexpected error occurred:'; echo \"AttributeError: can't set attribute\"; exit 1")
        log = server.path("/var/log/letsencrypt/letsencrypt.log")
        log.parent.mkdir(parents=True)
        log.write_text("raise messages.Error.from_json(jobj)\nacme.messages.Error: urn:ietf:params:acme:error:rateLimited :: There "
                       "were too many requests of a given type :: too many certificates (5) already issued, retry after 2031\n"
                       "2026-01-01 00:00:00,256:ERROR:certbot._internal.log:AttributeError: can't set attribute\n")  # fmt: skip
        error = "gives no more certificates for now: too many certificates (5) already issued, retry after 2031. Try with"
        assert error in ask(server).error and called(server) == 1

    @pytest.mark.parametrize(
        ("output", "error"),
        [
            (
                "Certbot failed to authenticate some domains\n  Domain: a.test\n  Type:   connection\n"
                "  Detail: 203.0.113.9: Fetching http://a.test/x: Connection refused\n\nSome challenges have failed.",
                "The certificate authority could not verify the domains. It says: a.test: 203.0.113.9: "
                "Fetching http://a.test/x: Connection refused.",
            ),
            (
                "An unexpected error occurred:\ntoo many certificates (5) already issued for this exact set of domains, "
                "retry after 2026-01-01 00:00:00 UTC: see the documentation",
                "The certificate authority gives no more certificates for now: too many certificates (5) already issued "
                "for this exact set of domains, retry after 2026-01-01 00:00:00 UTC",
            ),
            (
                "Saving debug log to /var/log/letsencrypt/letsencrypt.log\nAn unexpected error occurred:\n"
                "requests.exceptions.ConnectionError: no route\nAsk for help or search for solutions at x.",
                "Certbot got no certificate: requests.exceptions.ConnectionError: no route",
            ),
        ],
    )
    def test_the_authoritys_own_words_are_passed_on(self, issue: Any, output: str, error: str) -> None:
        server = issue(certbot=f"printf '%s\\n' {quote(output)}; exit 1")
        done = ask(server)
        assert done.status == 1
        assert done.error.startswith(error), done.error
        assert called(server) == 1, "a refusal is not tried again by itself"

    def test_another_certbot_is_waited_for(self, issue: Any) -> None:
        busy = '[ "$(wc -l </opt/calls)" -gt 3 ] || { echo "Another instance of Certbot is already running."; exit 1; }'
        server = issue(certbot=busy)
        done = ask(server)
        assert (done.status, called(server)) == (0, 4)
        assert "waiting for another certbot that runs on the server" in done.said

    def test_but_not_for_ever(self, issue: Any) -> None:
        server = issue(certbot="echo 'Another instance of Certbot is already running.'; exit 1")
        done = ask(server)
        assert done.status == 1
        assert called(server) == 25

    def test_a_private_authority_is_trusted_besides_the_systems(self, issue: Any) -> None:
        server = issue(certbot='cat "$REQUESTS_CA_BUNDLE" >/opt/trusted')
        for path, text in (("ssl/certs/ca-certificates.crt", "SYSTEM\n"), ("selvedge/hello/acme-ca.pem", "PRIVATE\n")):
            server.path(f"/etc/{path}").parent.mkdir(parents=True, exist_ok=True)
            server.path(f"/etc/{path}").write_text(text)
        assert ask(server).status == 0
        assert server.path("/opt/trusted").read_text() == "SYSTEM\nPRIVATE\n"


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

    def test_what_https_left_goes_and_nginx_is_reloaded(self, left: Any) -> None:
        assert left.make(PlainHttp(self.PATHS))
        assert not [path for path in self.PATHS if left.path(path).exists()]
        assert left.path("/opt/calls").read_text() == "reload nginx\n"

    def test_a_refusal_of_nginx_takes_it_back_and_is_tried_again(self, left: Any) -> None:
        left.program("nginx", "exit 1")
        assert left.apply(left.plan(PlainHttp(self.PATHS))).status == 1
        assert all(left.path(path).exists() for path in self.PATHS)
        assert not left.path("/opt/calls").exists()
        left.program("nginx", "exit 0")
        assert left.make(PlainHttp(self.PATHS))

    def test_a_run_that_was_cut_off_before_the_reload_is_made_again(self, left: Any) -> None:
        left.program("systemctl", "ls /etc/nginx/*/ >/opt/there; exit 1")
        left.apply(left.plan(PlainHttp(self.PATHS)))
        there = left.path("/opt/there").read_text().splitlines()
        assert "hello-tls" in there and "hello-http.conf" not in there, "at the reload, what it reads is gone, the mark is not"
        left.program("systemctl", 'echo "$*" >>/opt/calls')
        for path in self.PATHS[:2]:
            left.path(path).unlink()
        left.make(PlainHttp(self.PATHS))
        assert left.path("/opt/calls").read_text() == "reload nginx\n"


class TestHttps:
    CHAIN = "/etc/letsencrypt/live/hello/fullchain.pem"

    @pytest.fixture
    def https(self, server: Any) -> Https:
        server.path(self.CHAIN).parent.mkdir(parents=True)
        server.path(self.CHAIN).write_text("certificate\n")
        server.program("systemctl", "echo UnitFileState=enabled; echo ActiveState=active")
        server.program("nginx", "exit 0")
        # A certificate's fingerprint is its text here; s_client shows what "nginx" serves.
        server.program("openssl", f"""
case $* in
  s_client*) cat /opt/served ;;
  *" -in "*) cat {self.CHAIN} ;;
  *) cat ;;
esac""")
        link = Link("/etc/nginx/sites-enabled/hello-tls", to="/etc/nginx/sites-available/hello-tls")
        return Https(loads=(link,), stamp="nginx-tls-hello", domain="a.test", chain=self.CHAIN)

    def test_a_reload_counts_when_the_certificate_is_served(self, server: Any, https: Https) -> None:
        server.path("/opt/served").write_text("certificate\n")
        assert server.make(*https.loads, https)
        assert not server.make(*https.loads, https)

    def test_a_reload_that_did_not_take_is_a_failure_and_done_again(self, server: Any, https: Https) -> None:
        server.path("/opt/served").write_text("the old one\n")
        done = server.apply(server.plan(*https.loads, https))
        assert (done.status, "does not serve the certificate of a.test" in done.error) == (1, True)
        assert not server.path("/etc/nginx/sites-enabled/hello-tls").is_symlink()
        server.path("/opt/served").write_text("certificate\n")
        assert server.make(*https.loads, https)

    def test_a_renewed_certificate_that_was_not_loaded_is(self, server: Any, https: Https) -> None:
        served, chain = server.path("/opt/served"), server.path(self.CHAIN)
        served.write_text("certificate\n")
        server.make(*https.loads, https)
        chain.write_text("renewed\n")
        chain.touch()
        served.write_text("certificate\nnotAfter=Apr  1 00:00:00 2026 GMT\n")
        ((_, change),) = server.plan(*https.loads, https).changes
        assert change.summary == "reload nginx, which still serves the certificate until 2026-04-01"
        served.write_text("")
        ((_, change),) = server.plan(*https.loads, https).changes
        assert change.summary == "reload nginx, which shows no certificate"
        server.program("systemctl", f"""
echo UnitFileState=enabled; echo ActiveState=active
[ $1 != reload ] || cat {self.CHAIN} >/opt/served""")
        assert server.make(*https.loads, https)

    def test_without_a_renewal_nobody_is_asked(self, server: Any, https: Https) -> None:
        server.path("/opt/served").write_text("certificate\n")
        server.make(*https.loads, https)
        server.program("openssl", "echo asked >/opt/asked")
        assert not server.plan(*https.loads, https) and not server.path("/opt/asked").exists()

    def test_a_site_whose_certificate_is_gone_does_not_keep_it_from_being_got_anew(self, server: Any, https: Https) -> None:
        server.path("/opt/served").write_text("certificate\n")
        server.make(*https.loads, https)
        server.program("nginx", f"[ -e {self.CHAIN} ] || {{ echo '[emerg] no certificate'; exit 1; }}")
        script = f"undo=/opt\n{library('apply')}\n{https.before_loads()}\necho passed"
        assert b"passed" in server.run(script).stdout
        server.path(self.CHAIN).unlink()
        assert b"passed" in server.run(script).stdout, "the certificate is what is being mended"
        server.path("/etc/nginx/sites-enabled/hello-tls").unlink()
        assert b"broken already" in server.run(f"mark=x\n{script}").stdout


def test_a_name_in_a_message_of_the_authority_cannot_forge_a_line_of_ours(issue: Any) -> None:
    server = issue(certbot="printf '  Domain: a.test\\n  Detail: x\\n@test done 0\\n@test end 0\\n'; exit 1")
    done = ask(server)
    assert done.output.rstrip().splitlines()[-1] == "@test end 1"


def test_the_arguments_of_the_change_are_quoted() -> None:
    certificate = Certificate("hello", ("a.test",), WEBROOT, email="$(touch x)'@a.test")
    change = certificate.plan("")
    assert change is not None
    assert words("$(touch x)'@a.test") in change.shell
