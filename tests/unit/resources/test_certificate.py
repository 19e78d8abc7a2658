"""Certificates: when one is requested, and your own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.errors import ConfigError
from selvedge.resources.nginx.certificates import PRODUCTION, RELOAD_HOOK, STAGING, Certificate, IssuedCertificate
from selvedge.resources.nginx.own_certificate import OwnCertificate
from selvedge.shell.quoting import words

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
    """What `certbot_fact` prints, in the words of openssl 3 and certbot 2."""
    return (
        f"now={now}\nnotBefore={START}\nnotAfter={END}\nX509v3 Subject Alternative Name: \n    {names}\n"
        f"renew_hook = {hook}\nserver = {server}\nauthenticator = {authenticator}\nwebroot_path = {webroot}\n"
    )


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
        found = IssuedCertificate.parse(fact(now=5))
        assert found is not None
        assert (found.start, found.end, found.now) == (EPOCH_START, EPOCH_END, 5)

    def test_an_email_that_changes_reloads_nothing(self) -> None:
        other = Certificate("hello", CERTIFICATE.domains, WEBROOT, email="me@a.test", program="/snap/bin/certbot")
        assert other.identity() == CERTIFICATE.identity()


class TestOwnCertificate:
    def own(self, target: Any, key: str) -> OwnCertificate:
        return OwnCertificate.of(target(domains=["a.test"], tls={"certificate": "one.pem", "certificate_key": key}))

    def test_both_go_into_one_file_that_only_root_reads(self, target: Any, certificates: Path) -> None:
        own = self.own(target, "one.key")
        assert own.text == (certificates / "one.pem").read_text() + (certificates / "one.key").read_text()
        assert (own.mode, own.owner, own.secret, own.fullchain, own.key) == ("0600", "root", True, own.path, own.path)
        change = own.plan("absent\n")
        assert change is not None
        assert "PRIVATE" not in change.shell + change.diff + repr(own)

    @pytest.mark.parametrize("key", ["two.key", "locked.key", "one.pem", "none.key"])
    def test_a_key_that_does_not_fit_is_refused_before_anything_is_contacted(
        self, target: Any, certificates: Path, key: str  # noqa: ARG002
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            self.own(target, key)
        assert caught.value.key == "tls.certificate_key"


def test_the_arguments_of_the_change_are_quoted() -> None:
    certificate = Certificate("hello", ("a.test",), WEBROOT, email="$(touch x)'@a.test")
    change = certificate.plan("")
    assert change is not None
    assert words("$(touch x)'@a.test") in change.shell
