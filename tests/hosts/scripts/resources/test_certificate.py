"""A certificate: its fact, the checks before the request, and certbot."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr

from selvedge.engine.plan import Plan
from selvedge.resources.nginx.certificates import PRODUCTION, RELOAD_HOOK, STAGING, Certificate
from selvedge.resources.nginx.names import NewNames
from selvedge.shell.quoting import quote

# Its parent exists on every machine.
WEBROOT = "/srv/letsencrypt"
CERTIFICATE = Certificate("hello", ("a.test", "www.a.test"), WEBROOT)
NEW = NewNames(("a.test", "b.test"), "hello", "/etc/nginx/sites-enabled/hello", WEBROOT)
NEW_NAMES = "names a.test\ncertified \naddresses 10.0.0.5\n"


class TestFact:
    def test_a_certificate_and_its_renewal_are_read(self, server: Any) -> None:
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
    """A server where certbot, curl, getent and ip give the answers of the test."""

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
    return server.apply(Plan.of([found], [""]))


def called(server: Any) -> int:
    calls = server.path("/opt/calls")
    return len(calls.read_text().splitlines()) if calls.exists() else 0


class TestBeforeAsking:
    """The checks on the server, which save attempts at the authority."""

    def test_a_name_with_this_servers_address_is_requested(self, issue: Any) -> None:
        server = issue()
        done = ask(server)
        assert (done.status, called(server)) == (0, 1), done.output
        assert not list(server.path(f"{WEBROOT}/.well-known/acme-challenge").iterdir()), "the token is left"

    @pytest.mark.parametrize(
        ("settings", "problem"),
        [
            ({"names": "exit 2"}, "a.test has no address in DNS: add an A record"),
            (
                {"names": "echo 10.9.9.9 STREAM", "curl": "echo 'curl: (28) timed out' >&2; exit 28"},
                "a.test resolves to 10.9.9.9, not to this server (10.0.0.5): correct its A record",
            ),
            (
                {"names": "echo 10.9.9.9 STREAM", "curl": "echo Welcome; echo HTTP status 200"},
                "a.test resolves to 10.9.9.9, not to this server",
            ),
            (
                {"names": "echo 2001:db8::9 STREAM", "curl": "exit 7"},
                "a.test resolves to 2001:db8::9, not to this server (10.0.0.5): correct its AAAA record",
            ),
            (
                {"curl": "echo '<html>'; echo; echo HTTP status 404"},
                "nginx on this server does not serve http://a.test/.well-known/acme-challenge/ at 10.0.0.5 (HTTP status 404)",
            ),
        ],
    )
    def test_a_name_that_would_fail_at_the_authority_is_refused(self, issue: Any, settings: dict[str, str], problem: str) -> None:
        server = issue(**settings)
        done = ask(server)
        assert done.status == 1
        assert done.error.startswith("No certificate was requested. ")
        assert problem in done.error
        assert called(server) == 0
        assert not list(server.path(f"{WEBROOT}/.well-known/acme-challenge").iterdir()), "the token is left"

    @pytest.mark.parametrize("headers", ["Server: cloudflare", "server: CloudFront", "Via: 1.1 varnish", "X-Cache: MISS"])
    def test_a_proxy_in_front_is_named_with_the_options(self, issue: Any, headers: str) -> None:
        dump = f'printf "HTTP/1.1 521 x\\r\\n{headers}\\r\\n" >$2'
        curl = f"while [ $# -gt 0 ]; do [ $1 = --dump-header ] && {dump}; shift; done\nprintf 'x\\nHTTP status 521'"
        server = issue(names="echo 104.16.1.1 STREAM", own="93.184.216.35/24", curl=curl)
        error = ask(server).error
        assert f"a.test resolves to 104.16.1.1, where a proxy answers ({headers}; HTTP status 521)" in error
        for option in ('the grey cloud, "DNS only"', "upstream = true under [tls]", "certificate_key under [tls]"):
            assert option in error
        assert called(server) == 0
        assert server.apply(Plan.of([NEW], [NEW_NAMES])).status == 0, "before nginx serves the name, a proxy is enough"

    @pytest.mark.parametrize(("settings", "problem"), [
        ({}, ""),
        # nginx does not serve the name yet.
        ({"curl": "exit 52"}, ""),
        ({"names": "exit 2"}, "b.test has no address in DNS: add an A record"),
        ({"names": "echo 10.9.9.9 STREAM", "curl": "exit 7"}, "b.test resolves to 10.9.9.9, not to this server (10.0.0.5)"),
        # Another address that leads here, such as a floating one.
        ({"names": "echo 10.9.9.9 STREAM"}, ""),
        ({"names": "echo 93.184.216.34 STREAM", "curl": "exit 7"}, ""),
    ])  # fmt: skip
    def test_a_new_name_must_lead_to_this_server(self, issue: Any, settings: dict[str, str], problem: str) -> None:
        server = issue(**settings)
        done = server.apply(Plan.of([NEW], [NEW_NAMES]))
        assert done.status == bool(problem), done.output
        assert done.error == "" or (problem in done.error and done.error.startswith("The site keeps its present names. "))

    def test_one_wrong_address_of_two_is_found(self, issue: Any) -> None:
        curl = 'case $* in *10.9.9.9*) exit 7 ;; esac; for last; do :; done; cat "/srv/letsencrypt${last#http://*test}"'
        server = issue(names="printf '10.0.0.5 STREAM\\n10.9.9.9 STREAM\\n'", curl=curl)
        error = ask(server).error
        assert "a.test resolves to 10.9.9.9" in error
        assert "10.0.0.5, and not" not in error

    def test_all_wrong_names_are_reported_at_once(self, issue: Any) -> None:
        server = issue(names="exit 2")
        done = ask(server, Certificate("hello", ("a.test", "b.test"), WEBROOT, program="/usr/local/sbin/certbot"))
        assert "a.test has no address" in done.error
        assert "b.test has no address" in done.error

    def test_behind_address_translation_the_authority_decides(self, issue: Any) -> None:
        server = issue(names="echo 93.184.216.34 STREAM", curl="exit 7")
        done = ask(server)
        assert (done.status, called(server)) == (0, 1)
        assert any("cannot check from the server" in said for said in done.said)

    def test_a_server_with_a_public_address_decides_itself(self, issue: Any) -> None:
        server = issue(names="echo 93.184.216.34 STREAM", own="93.184.216.35/24", curl="exit 7")
        assert ask(server).status == 1
        assert called(server) == 0


class TestAsking:
    def test_certbot_gets_the_settings(self, issue: Any) -> None:
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

    def test_certbot_registers_without_an_email(self, issue: Any) -> None:
        server = issue()
        assert ask(server).status == 0
        argv = server.path("/opt/argv").read_text().splitlines()
        assert "--register-unsafely-without-email" in argv
        assert "--email" not in argv

    @pytest.mark.parametrize("known", [False, True])
    def test_an_account_that_exists_is_named_because_certbot_ignores_another_one(self, issue: Any, known: bool) -> None:
        server = issue()
        if known:
            account = server.path("/etc/letsencrypt/accounts/ca.test:14000/dir/0a1b/regr.json")
            account.parent.mkdir(parents=True)
            account.write_text("{}")
        found = Certificate("hello", ("a.test",), WEBROOT, "https://ca.test:14000/dir", program="/usr/local/sbin/certbot",
                            eab=("kid-2", SecretStr("c4nary-0123456789")))  # fmt: skip
        done = ask(server, found)
        assert done.status == 0 and "c4nary" not in done.output
        assert ("certbot uses the account that this server already has" in "".join(done.said)) == known

    LOG = "/var/log/letsencrypt/letsencrypt.log"
    CRASHES = "echo 'An unexpected error occurred:'; echo \"AttributeError: can't set attribute\"; exit 1"

    @staticmethod
    def logged(kind: str, detail: str) -> str:
        error = f"acme.messages.Error: urn:ietf:params:acme:error:{kind} :: There were too many requests :: {detail}"
        return f"raise messages.Error.from_json(jobj)\n{error}\n2026-01-01:ERROR:certbot: AttributeError: can't set attribute\n"

    @pytest.mark.parametrize("rotated", [False, True])
    def test_the_authoritys_message_of_this_run_is_found_in_certbots_log(self, issue: Any, rotated: bool) -> None:
        """certbot 2.1 of Debian 12 fails over the authority's refusal. Its log has the errors of earlier runs, too."""
        now = quote(self.logged("rateLimited", "too many certificates (5) already issued, retry after 2031"))
        rotate = f"mv {self.LOG} {self.LOG}.1; " if rotated else ""
        server = issue(certbot=f"{rotate}printf '%s' {now} >>{self.LOG}; {self.CRASHES}")
        log = server.path(self.LOG)
        log.parent.mkdir(parents=True)
        log.write_text(self.logged("malformed", "an older error"))
        error = "issues no more certificates for now: too many certificates (5) already issued, retry after 2031. To continue with"
        assert error in ask(server).error and called(server) == 1

    @pytest.mark.parametrize("output", [
        "An unexpected error occurred:\nrequests.exceptions.ConnectionError: Connection refused",
        "An unexpected error occurred:\nrequests.exceptions.ConnectTimeout: timed out",
    ])  # fmt: skip
    def test_the_error_of_an_earlier_run_is_not_repeated(self, issue: Any, output: str) -> None:
        server = issue(certbot=f"printf '%s\\n' {quote(output)}; exit 1")
        log = server.path(self.LOG)
        log.parent.mkdir(parents=True)
        log.write_text(self.logged("rateLimited", "too many certificates"))
        error = ask(server).error
        assert "issues no more" not in error and "too many" not in error
        assert f"The server could not reach {PRODUCTION}. Check acme_server under [tls]" in error

    @pytest.mark.parametrize(("kind", "remedy"), [
        ("connection", "your provider's firewall"),
        ("dns", "check the records at your DNS provider: `dig +trace a.test`"),
        ("unauthorized", "another server or a proxy"),
        ("caa", "A CAA record of the domain names another authority"),
        ("rejectedIdentifier", "gives no certificate for this name"),
    ])  # fmt: skip
    def test_each_answer_of_the_authority_has_its_remedy(self, issue: Any, kind: str, remedy: str) -> None:
        output = f"  Domain: a.test\n  Type:   {kind}\n  Detail: no\n"
        error = ask(issue(certbot=f"printf {quote(output)}; exit 1")).error
        assert error.startswith("The certificate authority could not verify the domains: a.test: no.") and remedy in error, error
        assert kind == "connection" or "firewall" not in error

    @pytest.mark.parametrize(("kind", "remedy"), [
        ("caa", "A CAA record"),
        ("invalidContact", "Correct email under [tls]"),
        ("externalAccountRequired", "set eab_kid under [tls]"),
        ("serverInternal", "The fault is at the authority"), ("orderNotReady", "certbot's log is /var/log/letsencrypt"),
    ])  # fmt: skip
    def test_errors_in_certbots_log_have_a_remedy_too(self, issue: Any, kind: str, remedy: str) -> None:
        log = f"mkdir -p {self.LOG.rpartition('/')[0]}; printf '%s' {quote(self.logged(kind, 'no'))} >{self.LOG}"
        error = ask(issue(certbot=f"{log}; {self.CRASHES}")).error
        assert error.startswith("certbot could not get a certificate: no. ") and remedy in error, error

    @pytest.mark.parametrize(
        ("output", "error"),
        [
            (
                "Certbot failed to authenticate some domains\n  Domain: a.test\n  Type:   connection\n"
                "  Detail: 203.0.113.9: Fetching http://a.test/x: Connection refused\n\nSome challenges have failed.",
                "The certificate authority could not verify the domains: a.test: 203.0.113.9: "
                "Fetching http://a.test/x: Connection refused.",
            ),
            (
                "An unexpected error occurred:\ntoo many certificates (5) already issued for this exact set of domains, "
                "retry after 2026-01-01 00:00:00 UTC: see the documentation",
                "The certificate authority issues no more certificates for now: too many certificates (5) already issued "
                "for this exact set of domains, retry after 2026-01-01 00:00:00 UTC",
            ),
            (
                "Saving debug log to /var/log/letsencrypt/letsencrypt.log\nAn unexpected error occurred:\n"
                "requests.exceptions.ConnectionError: no route\nAsk for help or search for solutions at x.",
                "certbot could not get a certificate: requests.exceptions.ConnectionError: no route. The server could not reach",
            ),
        ],
    )
    def test_the_authoritys_message_is_passed_on(self, issue: Any, output: str, error: str) -> None:
        server = issue(certbot=f"printf '%s\\n' {quote(output)}; exit 1")
        done = ask(server)
        assert done.status == 1
        assert done.error.startswith(error), done.error
        assert called(server) == 1, "a refused request is not repeated"

    def test_another_certbot_is_waited_for(self, issue: Any) -> None:
        busy = '[ "$(wc -l </opt/calls)" -gt 3 ] || { echo "Another instance of Certbot is already running."; exit 1; }'
        server = issue(certbot=busy)
        done = ask(server)
        assert (done.status, called(server)) == (0, 4)
        assert "waiting for another certbot on the server to end" in done.said

    def test_another_certbot_is_not_waited_for_endlessly(self, issue: Any) -> None:
        server = issue(certbot="echo 'Another instance of Certbot is already running.'; exit 1")
        done = ask(server)
        assert done.status == 1
        assert called(server) == 25

    def test_a_private_authority_is_trusted_besides_those_of_the_system(self, issue: Any) -> None:
        server = issue(certbot='cat "$REQUESTS_CA_BUNDLE" >/opt/trusted')
        for path, text in (("ssl/certs/ca-certificates.crt", "SYSTEM\n"), ("selvedge/hello/acme-ca.pem", "PRIVATE\n")):
            server.path(f"/etc/{path}").parent.mkdir(parents=True, exist_ok=True)
            server.path(f"/etc/{path}").write_text(text)
        assert ask(server).status == 0
        assert server.path("/opt/trusted").read_text() == "SYSTEM\nPRIVATE\n"


def test_a_message_of_the_authority_cannot_forge_progress(issue: Any) -> None:
    server = issue(certbot="printf '  Domain: a.test\\n  Detail: x\\n@test done 0\\n@test end 0\\n'; exit 1")
    done = ask(server)
    assert done.output.rstrip().splitlines()[-1] == "@test end 1"
