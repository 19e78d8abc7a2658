"""The resources of the backups, and what they need on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.operations.backup import BackupCommand
from selvedge.operations.remove import Removed
from selvedge.release import preconditions
from selvedge.resources.backups import NoTimers, PinnedHostKey, backup_settings, check_backup
from selvedge.resources.base import Resource
from selvedge.resources.files import File
from selvedge.resources.need import Needs
from selvedge.resources.restores import NotHalfRestored, repair
from tasks.backup import setup
from tests.support.declared import file, of
from tests.support.tables import check, table

pytestmark = pytest.mark.programs

PRINT = "SHA256:uNiVztksCsDhcc0u9e8BrrH0Y4DBkWZXcGVZhKDAEdM"
PINNED = PinnedHostKey("/srv/hello/backup/known_hosts", "203.0.113.20", 2222, PRINT)
STORE = "store the host key of 203.0.113.20 for the backups"
UNIT = "/etc/systemd/system/selvedge-hello-backup.timer\n"
PASSWORD = {"SELVEDGE_BACKUP__PASSWORD": "a long enough password"}
SFTP = {"to": "sftp:me@203.0.113.20:/srv/b", "key": "backup_key"}


@table(
    (PINNED, f"# Host [203.0.113.20]:2222 found: line 1 \n[203.0.113.20]:2222 ED25519 {PRINT} \n", None),
    (PINNED, "", STORE, f"backup_pin 203.0.113.20 2222 {PRINT} /srv/hello/backup/known_hosts"),
    (PINNED, "x ED25519 SHA256:other \n", STORE, "backup_pin …"),
    (NoTimers("hello", folder="/srv/hello/backup"), "", None),
    (NoTimers("hello", ("backup",)), UNIT, f"remove {UNIT.strip()}", "backup_remove '' selvedge-hello-backup"),
    (
        NoTimers("hello", folder="/srv/hello/backup"),
        f"{UNIT}/srv/hello/backup\n",
        f"remove {UNIT.strip()}, /srv/hello/backup",
        "backup_remove /srv/hello/backup selvedge-hello-backup selvedge-hello-rehearsal",
    ),
)
def test_changes(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


@pytest.mark.parametrize(("found", "removed"), [
    ("/srv/hello/backup", "/srv/hello/backup"),
    ("/srv/hello/backup\n/srv/hello/backup/password\n/srv/hello/backup/state", "/srv/hello/backup"),
    ("/srv/hello/backup\n/srv/hello/backup/password\n/srv/hello/backup/replaced", "/srv/hello/backup/password"),
    ("/srv/hello/backup\n/srv/hello/backup/restored/kept", ""),
])  # fmt: skip
def test_data_that_a_restore_has_put_into_the_folder_stays(target: Callable[..., Target], found: str, removed: str) -> None:
    change = NoTimers("hello", folder="/srv/hello/backup").plan(found)
    assert (change.summary if change else "") == (f"remove {removed}" if removed else "")
    change = Removed(target(), ("/srv/hello/backup",), data=False).plan(found)
    assert (change.diff if change else "") == (f"-{removed}" if removed else "")
    change = Removed(target(), ("/srv/hello/backup",), data=True).plan(found)
    assert change and "backup_delete" not in change.shell.splitlines()[-1] and "/srv/hello/backup " in change.shell


def test_half_restored_data_is_not_removed(target: Callable[..., Target]) -> None:
    fact = "/srv/hello/backup\n/srv/hello/backup/replaced\nhalf yes 1f2e3d4c\n"
    with pytest.raises(SelvedgeError, match=r"hello: a restore was interrupted, .*, so its backups cannot be removed "):
        NoTimers("hello", folder="/srv/hello/backup").plan(fact)
    with pytest.raises(SelvedgeError, match=r"a restore was interrupted, .*, so nothing was removed\.") as error:
        Removed(target(), ("/srv/hello/backup",), data=False).plan(fact)
    assert "restore --live --snapshot 1f2e3d4c` again" in error.value.remedy
    assert Removed(target(), ("/srv/hello/backup",), data=True).plan(fact)


def test_a_command_has_succeeded_when_the_server_has_its_token(target: Callable[..., Target]) -> None:
    command = BackupCommand(target(), "t0ken", "take a backup", "backup_take manual")
    assert command.plan("t0ken") is None
    assert command.plan("") and command.plan("older")


def test_half_restored_data_stops_a_deploy_before_it_builds(app: Callable[..., Target]) -> None:
    resource = of("clone", app("backups to S3"))[0]
    assert isinstance(resource, NotHalfRestored) and resource.plan("") is None and resource.plan("stopped yes\n") is None
    with pytest.raises(SelvedgeError, match="server: a restore was interrupted, and has replaced only a part of the live data"):
        resource.plan("half yes\n")
    with pytest.raises(SelvedgeError) as error:
        resource.plan("half yes file\n")
    assert "Run the same `fab -H server restore --live --from FILE` again." in error.value.remedy
    assert resource.plan("closed yes\n") is None
    assert not of("clone", app("domains"), NotHalfRestored)


def test_a_backup_before_the_first_deploy_names_what_is_missing(target: Callable[..., Target]) -> None:
    """The group of the folder is that of the app's user."""
    first = next(setup(target(backup={"to": "/var/backups/x"})))
    assert first == Needs("/srv/hello/shared", "clone") and first.plan("there") is None
    change = first.plan("")
    assert change and "/srv/hello/shared is missing." in change.shell and "fab deploy" in change.remedy


class TestFiles:
    def test_without_a_place_there_is_nothing(self, app: Callable[..., Target]) -> None:
        settings = app("domains")
        assert "restic" not in [name for each in of("install", settings) for name in each.packages()]
        assert not [each for each in of("supervisor", settings, File) if "backup" in each.path]
        assert of("supervisor", settings, NoTimers) == [NoTimers("hello", folder="/srv/hello/backup")]

    def test_secrets_are_in_files_of_root_alone(self, app: Callable[..., Target]) -> None:
        folder = "/srv/hello/backup"
        for name, secrets in (("backups over SFTP", ["password", "key"]), ("backups to S3", ["password", "credentials"])):
            for each in secrets:
                found = file("supervisor", app(name), f"{folder}/{each}")
                assert (found.mode, found.owner, found.group, found.secret) == ("0600", "root", "root", True)
                assert "c4nary" in found.text and "c4nary" not in repr(found)
            settings = file("supervisor", app(name), f"{folder}/settings.json")
            assert "c4nary" not in settings.text and json.loads(settings.text)["app"] == "hello"

    def test_timers(self, app: Callable[..., Target]) -> None:
        settings = app("backups over SFTP")
        units = "/etc/systemd/system/selvedge-hello"
        assert "OnCalendar=*-*-* 03:30\n" in file("supervisor", settings, f"{units}-backup.timer").text
        service = file("supervisor", settings, f"{units}-rehearsal.service").text
        assert "ExecStart=/usr/bin/python3 -BIS /srv/hello/backup/program rehearse\n" in service
        assert of("supervisor", app("backups to S3"), NoTimers) == [NoTimers("hello", (name,)) for name in ("backup", "rehearsal")]

    def test_settings_of_the_program(self, app: Callable[..., Target]) -> None:
        found = json.loads(backup_settings(app("backups to S3")))
        assert found == {
            "app": "hello", "host_name": "server", "repository": "s3:https://s3.example.com:443/b/hello/server", "kind": "s3",
            "user": "", "host": "s3.example.com", "port": 443, "files": ["uploads"], "before_migrate": True,
            "region": "eu-central-1", "exclude": ["uploads/cache"],
            "keep": {"daily": 7, "weekly": 4, "monthly": 6}, "repair": repair(app("backups to S3")),
        }  # fmt: skip

    def test_the_program_is_installed_whole(self, app: Callable[..., Target], tmp_path: Path) -> None:
        for each in of("supervisor", app("backups to S3"), File):
            if "/program/" in each.path:
                path = tmp_path / each.path.partition("/program/")[2]
                path.parent.mkdir(exist_ok=True)
                path.write_text(each.text)
        done = subprocess.run(["python3", "-BIS", tmp_path, "list"], capture_output=True, text=True, check=False)
        assert "No such file or directory" in done.stderr and "settings.json" in done.stderr, "all modules are there"


class TestThisMachine:
    @pytest.fixture
    def known(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """A home folder that knows the backup host."""
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".ssh").mkdir()
        public = "AAAAC3NzaC1lZDI1NTE5AAAAIHV8Qm4dUfB1GQJ2L5r0N6p2o4YVhC1kqQwYq9eXw4aB"
        (tmp_path / ".ssh/known_hosts").write_text(f"203.0.113.20 ssh-ed25519 {public}\n")
        return tmp_path

    @staticmethod
    def key(tmp_path: Path, passphrase: str = "") -> None:
        (tmp_path / "backup_key").unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", tmp_path / "backup_key"], check=True)

    def test_all_is_there(self, target: Callable[..., Target], known: Path) -> None:
        self.key(known)
        check_backup(target(backup=SFTP, passwords=PASSWORD))
        check_backup(target())
        preconditions.switch(target(backup={"to": "/var/backups/x"}, passwords=PASSWORD))

    @pytest.mark.parametrize(("backup", "passwords", "key", "problem"), [
        ({"to": "/var/backups/x"}, {}, "SELVEDGE_BACKUP__PASSWORD", "the password of the backups is missing"),
        ({"to": "/var/backups/x"}, {"SELVEDGE_BACKUP__PASSWORD": "short"}, "SELVEDGE_BACKUP__PASSWORD", "at least 12 characters"),
        ({"to": "s3:https://x/b"}, PASSWORD, "SELVEDGE_BACKUP__S3_ACCESS_KEY", "is missing (backup.to)"),
        ({**SFTP, "key": "none"}, PASSWORD, "backup.key", "none is missing"),
        ({**SFTP, "key": "me.pub"}, PASSWORD, "backup.key", "is not a private key"),
        ({**SFTP, "key": "open"}, PASSWORD, "backup.key", "other users can read"),
        ({**SFTP, "key": "locked"}, PASSWORD, "backup.key", "has a passphrase"),
        ({**SFTP, "to": "sftp:me@203.0.113.21:/b"}, PASSWORD, "backup.to", "the host key of 203.0.113.21 is unknown"),
    ])  # fmt: skip
    def test_what_is_missing(
        self, target: Callable[..., Target], known: Path, backup: dict[str, str], passwords: dict[str, str], key: str, problem: str
    ) -> None:
        self.key(known, "secret")
        (known / "backup_key").rename(known / "locked")
        self.key(known)
        (known / "open").write_bytes((known / "backup_key").read_bytes())
        (known / "open").chmod(0o644)
        (known / "me.pub").write_text((known / "backup_key.pub").read_text())
        with pytest.raises(ConfigError) as error:
            check_backup(target(backup=backup, passwords=passwords))
        assert error.value.key == key and problem in error.value.problem
        assert error.value.remedy

    def test_the_public_half_is_not_overwritten(self, target: Callable[..., Target], known: Path) -> None:
        self.key(known)
        with pytest.raises(ConfigError) as error:
            check_backup(target(backup={**SFTP, "key": "backup_key.pub"}, passwords=PASSWORD))
        assert error.value.remedy == 'Name the private half: key = "backup_key".'

    def test_a_pinned_host_key_is_enough(self, target: Callable[..., Target], known: Path) -> None:
        self.key(known)
        check_backup(target(backup={**SFTP, "to": "sftp:me@203.0.113.21:/b", "host_key": PRINT}, passwords=PASSWORD))
