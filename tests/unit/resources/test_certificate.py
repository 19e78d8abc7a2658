"""Certificates: when one is requested, your own, and nginx's directives for HTTPS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError
from selvedge.resources.base import Resource
from selvedge.resources.nginx.certificates import PRODUCTION, RELOAD_HOOK, STAGING, Certificate, IssuedCertificate
from selvedge.resources.nginx.https import HttpsRemoved, ListenTls
from selvedge.resources.nginx.own_certificate import OwnCertificate
from selvedge.resources.nginx.version import nginx_template
from selvedge.shell.quoting import words
from tests.support.tables import check, table

DAY = 86400
WEBROOT = "/srv/letsencrypt"
# 90 days, from 2026-01-01 on.
START, END = "Jan  1 00:00:00 2026 GMT", "Apr  1 00:00:00 2026 GMT"
EPOCH_START, EPOCH_END = 1767225600, 1775001600


def seen(
    now: float = EPOCH_START + DAY,
    names: str = "DNS:a.test, DNS:www.a.test",
    server: str = PRODUCTION,
    hook: str = RELOAD_HOOK,
    authenticator: str = "webroot",
    webroot: str = f"{WEBROOT},",
) -> str:
    """Return the lines that `certbot_fact` prints, in the words of openssl 3 and certbot 2."""
    return (
        f"now={now}\nnotBefore={START}\nnotAfter={END}\nX509v3 Subject Alternative Name: \n    {names}\n"
        f"renew_hook = {hook}\nserver = {server}\nauthenticator = {authenticator}\nwebroot_path = {webroot}\n"
    )


CERTIFICATE = Certificate("hello", ("a.test", "www.a.test"), WEBROOT)
ISSUE = (
    f"program=/usr/bin/certbot\nserver={PRODUCTION}\nwebroot={WEBROOT}\nchecked='a.test www.a.test'\ndomain=a.test\n"
    f"certbot_issue --cert-name hello --deploy-hook {words(RELOAD_HOOK)} --webroot --webroot-path {WEBROOT} "
    "--register-unsafely-without-email -d a.test -d www.a.test"
)
FIRST = ("get a certificate for a.test, www.a.test", ISSUE)
TAKEN_OVER = ("get a new certificate whose renewal uses the site and reloads nginx", ISSUE)


@table(
    (CERTIFICATE, seen(), None),
    (CERTIFICATE, seen(names="DNS:www.a.test, DNS:a.test"), None),
    (CERTIFICATE, "", *FIRST),
    (CERTIFICATE, "now=1\nunable to load certificate\n", *FIRST),
    # Other names, or another authority.
    (CERTIFICATE, seen(names="DNS:a.test"), "get a new certificate with www.a.test", ISSUE),
    (
        CERTIFICATE,
        seen(names="DNS:a.test, DNS:www.a.test, DNS:b.test"),
        "get a new certificate without b.test",
        ISSUE,
    ),
    (
        CERTIFICATE,
        seen(names="DNS:a.test, DNS:b.test"),
        "get a new certificate with www.a.test and without b.test",
        ISSUE,
    ),
    (CERTIFICATE, seen(server=STAGING), f"get a new certificate from {PRODUCTION}", ISSUE),
    # Close to its end, after certbot should have renewed it.
    (CERTIFICATE, seen(now=EPOCH_END - 30 * DAY), None),
    (CERTIFICATE, seen(now=EPOCH_END - 19 * DAY), None),
    (CERTIFICATE, seen(now=EPOCH_END - 17 * DAY), "renew the certificate, which expires in 17.0 days", ISSUE),
    (CERTIFICATE, seen(now=EPOCH_END + 1), "renew the certificate, which has expired", ISSUE),
    # Set up by someone else, with another kind of renewal.
    (CERTIFICATE, seen(hook=""), *TAKEN_OVER),
    (CERTIFICATE, seen(hook="systemctl restart nginx"), *TAKEN_OVER),
    (CERTIFICATE, seen(authenticator="nginx"), *TAKEN_OVER),
    (CERTIFICATE, seen(webroot="/var/www/html,"), *TAKEN_OVER),
)
def test_certificate(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


def test_dates_of_openssl_are_parsed() -> None:
    found = IssuedCertificate.parse(seen(now=5))
    assert found is not None
    assert (found.start, found.end, found.now) == (EPOCH_START, EPOCH_END, 5)


def test_another_email_reloads_nothing() -> None:
    other = Certificate("hello", CERTIFICATE.domains, WEBROOT, email="me@a.test", program="/snap/bin/certbot")
    assert other.identity() == CERTIFICATE.identity()


def test_the_arguments_of_certbot_are_quoted() -> None:
    certificate = Certificate("hello", ("a.test",), WEBROOT, email="$(touch x)'@a.test")
    change = certificate.plan("")
    assert change is not None
    assert words("$(touch x)'@a.test") in change.shell


# --- your own certificate ---


def own(target: Callable[..., Target], key: str) -> OwnCertificate:
    """Return the certificate one.pem with this key."""
    return OwnCertificate.of(target(domains=["a.test"], tls={"certificate": "one.pem", "certificate_key": key}))


def test_certificate_and_key_are_one_file_that_only_root_reads(
    target: Callable[..., Target], certificates: Path
) -> None:
    resource = own(target, "one.key")
    assert resource.text == (certificates / "one.pem").read_text() + (certificates / "one.key").read_text()
    assert (resource.mode, resource.owner, resource.secret) == ("0600", "root", True)
    assert resource.fullchain == resource.key == resource.path
    size = len(resource.text)
    check(
        resource,
        "absent\n",
        f"create {resource.path}",
        f"head -c {size} <&3 | file_put {resource.path} 0600 root root {size}",
    )
    check(resource, f"file 600 root root\n{resource._hash()}\n", None, "")
    change = resource.plan("absent\n")
    assert change is not None
    assert "PRIVATE" not in change.shell + change.diff + repr(resource)


@pytest.mark.usefixtures("certificates")
@pytest.mark.parametrize("key", ["two.key", "locked.key", "one.pem", "none.key"])
def test_a_key_that_does_not_fit_is_refused(target: Callable[..., Target], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        own(target, key)
    assert caught.value.key == "tls.certificate_key"


# --- nginx ---

LISTEN = ListenTls("/etc/nginx/snippets/listen.conf", nginx_template("nginx/listen-tls.conf.j2", port=443))
CREATE = "create /etc/nginx/snippets/listen.conf"
OLD_SPELLING = "listen 443 ssl http2;\nlisten [::]:443 ssl http2;"
NEW_SPELLING = "listen 443 ssl;\nlisten [::]:443 ssl;\nhttp2 on;"


@table(
    (LISTEN, "nginx version: nginx/1.18.0 (Ubuntu)\nabsent\n", CREATE, OLD_SPELLING),
    (LISTEN, "nginx version: nginx/1.22.1\nabsent\n", CREATE, OLD_SPELLING),
    (LISTEN, "nginx version: nginx/1.25.0\nabsent\n", CREATE, OLD_SPELLING),
    (LISTEN, "nginx version: nginx/1.25.1\nabsent\n", CREATE, NEW_SPELLING),
    (LISTEN, "nginx version: nginx/1.26.3\nabsent\n", CREATE, NEW_SPELLING),
    (LISTEN, "\nabsent\n", CREATE, NEW_SPELLING),
    (LISTEN, "nginx version: nginx/1.26.3\nfile 644 root root\nanother\nold\n", "write /etc/nginx/snippets/listen.conf",
     NEW_SPELLING),
)  # fmt: skip
def test_directives_for_https(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """nginx 1.25.1 spells HTTP/2 in another way."""
    check(resource, fact, summary, shell)


PLAIN = HttpsRemoved(("/etc/enabled", "/etc/snippet", "/etc/available"))
REMOVED = """file_remove /etc/enabled /etc/snippet
nginx -t
nginx_reload
rm -f -- /etc/available"""


@table(
    (PLAIN, "", None),
    (PLAIN, "/etc/snippet\n", "remove the HTTPS site, because the app has no domain or a load balancer handles TLS", REMOVED),
)
def test_site_without_https(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """The last file marks unfinished work, so it is removed after the reload."""
    check(resource, fact, summary, shell)
