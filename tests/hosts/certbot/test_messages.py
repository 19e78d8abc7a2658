"""Messages from a server to a real webhook: of certbot's renewal with pebble, of a backup, of what is overdue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from https_site import NAME, Site, gateway
from lab import until
from tests.support.webhook import webhook

SETTINGS = """
[notify]
from_servers = true
[backup]
to = "/var/backups/apps"
rehearse = "monthly"
"""
CONFIG = "/var/backups/apps/hello/*/config"
RENEWAL = "/etc/letsencrypt/renewal/hello.conf"

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def got(made: Site) -> Iterator[list[dict[str, Any]]]:
    """Return the messages that arrive from the site's server."""
    with webhook(address=gateway(made.server)) as (address, found):
        lines = f"SELVEDGE_NOTIFY__URLS=json://{address}/c4nary\nSELVEDGE_BACKUP__PASSWORD=a-long-enough-password\n"
        (made.project.folder / ".env").write_text(lines)
        made.configure(NAME, tls=SETTINGS)
        made.must("deploy")
        found.clear()
        yield found
        made.configure(NAME)
        (made.project.folder / ".env").unlink()
        made.must("deploy")
        assert made.server.run("ls /etc/systemd/system/*/selvedge-notify.conf", check=False).stdout == ""


def arrived(got: list[dict[str, Any]], title: str, kind: str) -> str:
    """Wait for a message, the only one, and return its text."""
    until(lambda: got, 60, f"the message {title!r}")
    (found,) = got
    got.clear()
    assert (found["title"], found["type"]) == (title, kind), found
    return str(found["message"])


def test_a_renewal_that_fails_and_works_again(made: Site, got: list[dict[str, Any]]) -> None:
    before = made.serial()
    made.server.run(f"cp {RENEWAL} /root/kept && sed -i 's,^server = .*,server = https://127.0.0.1:9/dir,' {RENEWAL}")
    made.renew()
    text = arrived(got, "certbot could not renew a certificate", "failure")
    assert "Failed to renew certificate hello" in text and f"\nfab -H {made.server.name} certbot --renew-dry-run\n" in text
    made.server.run(f"cp /root/kept {RENEWAL}")
    made.renew()
    assert arrived(got, "The renewal of certificates works again", "success").startswith("It had failed once since ")
    until(lambda: made.serial() != before, 10)


def test_a_backup_that_fails_and_works_again(made: Site, got: list[dict[str, Any]]) -> None:
    run = made.server.run
    run(f"systemctl start selvedge-hello-backup && cp {CONFIG} /root/config && echo broken | tee {CONFIG}")
    for unit, what, command in (
        ("backup", "the backup", "backup"), ("rehearsal", "the rehearsal of a restore", "backup --rehearse"),
    ):  # fmt: skip
        run(f"systemctl start selvedge-hello-{unit}", check=False)
        text = arrived(got, f"hello: {what} failed", "failure")
        assert f"\nfab -H {made.server.name} {command}\n" in text
    run(f"cat /root/config | tee {CONFIG} >/dev/null")
    for unit, what in (("backup", "the backup"), ("rehearsal", "the rehearsal of a restore")):
        run(f"systemctl start selvedge-hello-{unit}")
        arrived(got, f"hello: {what} works again", "success")


def test_what_is_overdue(made: Site, got: list[dict[str, Any]]) -> None:
    run, check = made.server.run, "systemctl start selvedge-notify-check"
    run(check)
    run("systemctl stop selvedge-hello-backup.timer")
    for _ in range(2):
        run(check)
    assert "The timer selvedge-hello-backup.timer is off.\n" in arrived(got, "hello: the backups are overdue", "failure")
    run(f"systemctl start selvedge-hello-backup.timer; {check}")
    arrived(got, "hello: there is a new backup", "success")


def test_a_certificate_that_has_ended(made: Site, got: list[dict[str, Any]], pebble_of: object) -> None:
    brief = Site(made.server, made.project, pebble_of(made.server, lifetime=20))  # type: ignore[operator]
    brief.name(NAME)
    brief.configure(NAME, tls=SETTINGS)
    brief.must("certbot")
    until(lambda: made.server.run("openssl x509 -checkend 0 -in /etc/letsencrypt/live/hello/cert.pem", check=False).returncode, 40)
    made.server.run("systemctl start selvedge-notify-check")
    assert f"\nfab -H {made.server.name} certbot\n" in arrived(got, "hello: the certificate has ended", "failure")
    made.configure(NAME, tls=SETTINGS)
    made.must("certbot")
    made.server.run("systemctl start selvedge-notify-check")
    arrived(got, "hello: the certificate was renewed", "success")
