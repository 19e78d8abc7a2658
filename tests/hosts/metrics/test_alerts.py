"""The alerts that test_metrics.py does not make true: each on a real server, and told to a webhook once."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from https_site import gateway
from lab import Lab, Project, until
from observe import count_execs
from prometheus import QUICKER, alerts, ask
from tests.hosts.metrics.conftest import APP, Watched
from tests.support.webhook import webhook

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]
NAME = "hello.test"
SETTINGS = """
[metrics]
enabled = true
backup_hours = 1
[notify]
from_servers = true
[backup]
to = "/var/backups/apps"
[processes.worker]
command = "sleep 86399"
[tls]
certificate = "own.pem"
certificate_key = "key.pem"
"""
FULL = """
apt-get install -qq -y e2fsprogs >/dev/null 2>&1
for number in 0 1 2 3 4 5 6 7; do [ -e /dev/loop$number ] || mknod /dev/loop$number b 7 $number; done
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
truncate -s 64M /root/disk && mkfs.ext4 -q -F /root/disk && mkdir -p /mnt/full && mount -o loop /root/disk /mnt/full
head -c 64M /dev/zero >/mnt/full/data 2>/dev/null || :
"""
FEW = """
sed 's/^MemAvailable:.*/MemAvailable:     100000 kB/' /proc/meminfo >/run/meminfo
mount --bind /run/meminfo /proc/meminfo
"""


class Certified(Watched):
    """The app has a certificate of its own."""

    def certify(self, days_left: float) -> None:
        """Make a certificate for 60 days that ends in some days."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        end, name = now + datetime.timedelta(days=days_left), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
        made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), end - datetime.timedelta(60), end)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        pem = serialization.Encoding.PEM
        (self.project.folder / "own.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.project.folder / "key.pem").write_bytes(secret)

    def firing(self) -> dict[str, dict[str, str]]:
        """Return the labels of each alert that fires, after the server has collected its metrics and passed alerts on."""
        self.server.run("systemctl start selvedge-metrics.service")
        self.server.run("systemctl start selvedge-alerts.service", check=False)
        return {each["labels"]["alertname"]: each["labels"] for each in alerts(self.server) if each["state"] == "firing"}

    def titles(self) -> list[str]:
        return [each["title"] for each in self.got]


@pytest.fixture(scope="module")
def watched(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    project = Project(tmp_path_factory.mktemp("project"), migrate=None)

    def change(app: Path) -> None:
        (app / "main.py").write_text(APP)
        (app / "requirements.txt").write_text("fastapi\nprometheus-client\n")

    project.commit(change)
    server = lab.server("deployed")
    with webhook(address=gateway(server)) as (address, got):
        env = {"SELVEDGE_NOTIFY__URLS": f"json://{address}/", "SELVEDGE_BACKUP__PASSWORD": "a-long-enough-password"}
        found = Certified(server, project, env, got)
        found.certify(50)
        project.configure(SETTINGS, migrate=None, workers=2, domains=[NAME])
        found.fab("deploy")
        got.clear()
        server.run(QUICKER)
        changed = server.run("diff /root/rules.yml /etc/selvedge/metrics/rules.yml", check=False).stdout.splitlines()
        assert len(changed) > 20 and all(re.fullmatch(r"[<>] +for: \w+|[0-9,c]+|---", line) for line in changed), changed
        yield found


def test_nothing_fires_on_a_server_that_is_well(watched: Certified) -> None:
    watched.server.run("systemctl start selvedge-hello-backup.service")
    until(lambda: len(ask(watched.server, "up == 1")) == 5, 60, "all targets are up")
    assert watched.firing() == {}
    with count_execs(watched.server) as execs:
        out = watched.fab("status").stdout
    assert execs.count == 1 and "metrics      ✓ all programs run, no alert now" in out, out
    assert watched.got == []


CAUSES = {
    "DiskFull": (FULL, "umount /mnt/full; rm /root/disk", " (/mnt/full)", "the disk at /mnt/full is almost full"),
    "MemoryLow": (FEW, "umount /proc/meminfo", "", "of the memory is free"),
    "TargetDown": ("systemctl stop mtail", "systemctl start mtail", " (requests)", "Prometheus gets no metrics from requests."),
}


@pytest.mark.parametrize("name", CAUSES)
def test_an_alert_about_the_server(watched: Certified, name: str) -> None:
    """It is told with its reason, `fab status` names it, and its end is told."""
    begin, end, more, said = CAUSES[name]
    host = watched.server.name
    title = f"{name}: {host}{more}"
    watched.server.run(begin)
    try:
        until(lambda: name in watched.firing() and title in watched.titles(), 90, f"{name} is told")
        out = watched.project.fab("-H", host, "status", env=watched.env).stdout
        assert re.search(rf"alert +! {name}: {host}: ", out), out
    finally:
        watched.server.run(end)
    until(lambda: not watched.firing() and f"Ended: {title}" in watched.titles(), 90, f"{name} has ended")
    assert watched.titles() == [title, f"Ended: {title}"]
    first, last = watched.got
    assert (first["type"], last["type"]) == ("failure", "success") and said in first["message"], first
    watched.got.clear()


def test_backups_that_are_old(watched: Certified) -> None:
    """The app's own message has the reason, so the alert is not told as well."""
    run = watched.server.run
    run("systemctl stop selvedge-hello-backup.timer")
    run("sed -i \"s/^[0-9]*/$(date -d '3 days ago' +%s)/\" /srv/hello/backup/state/good")
    until(lambda: watched.firing().get("BackupOld", {}).get("app") == "hello", 60, "BackupOld fires")
    run("systemctl start selvedge-notify-check.service")
    until(lambda: watched.got, 60, "the message about the backups")
    out = watched.project.fab("-H", watched.server.name, "status", env=watched.env).stdout
    assert "alert        ! BackupOld: hello on " in out and "the last good backup is 72 hours old" in out, out
    run("systemctl start selvedge-hello-backup.timer selvedge-hello-backup.service")
    until(lambda: not watched.firing(), 60, "BackupOld has ended")
    run("systemctl start selvedge-notify-check.service")
    until(lambda: len(watched.got) == 2, 60, "the message about the end")
    assert watched.titles() == ["hello: the backups are overdue", "hello: there is a new backup"]
    watched.got.clear()


def test_a_certificate_that_ends_soon(watched: Certified) -> None:
    watched.certify(3)
    watched.fab("certbot")
    until(lambda: watched.firing().get("CertificateExpires", {}).get("app") == "hello", 60, "CertificateExpires fires")
    watched.server.run("systemctl start selvedge-notify-check.service")
    until(lambda: watched.got, 60, "the message about the certificate")
    watched.certify(50)
    watched.fab("certbot")
    until(lambda: not watched.firing(), 60, "CertificateExpires has ended")
    watched.server.run("systemctl start selvedge-notify-check.service")
    until(lambda: len(watched.got) == 2, 60, "the message about the end")
    assert watched.titles() == ["hello: the certificate ends in 2 days", "hello: the certificate was renewed"]
    watched.got.clear()


def test_a_process_that_is_started_again_and_again(watched: Certified) -> None:
    """The alert ends a quarter of an hour later."""
    pid = "pgrep -f -x 'sleep 86399'"
    title = f"ProcessRestarts: hello on {watched.server.name} (worker)"
    for _ in range(3):
        before = watched.server.run(pid).stdout
        watched.server.run("pkill -9 -f -x 'sleep 86399'")
        until(lambda before=before: watched.server.run(pid, check=False).stdout not in ("", before), 30, "a new worker")  # type: ignore[misc]
    until(lambda: "ProcessRestarts" in watched.firing() and watched.got, 90, "ProcessRestarts is told")
    assert watched.titles() == [title]
    assert f"`fab -H {watched.server.name} logs --process worker` shows why it ends." in watched.got[0]["message"], watched.got


def test_the_message_is_told_once_although_the_alert_lasts(watched: Certified) -> None:
    for _ in range(3):
        assert "ProcessRestarts" in watched.firing()
    assert len(watched.got) == 1
