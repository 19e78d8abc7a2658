"""`fab backup` and `fab restore` before they contact a server, and what `fab status` says of the backups."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from selvedge.config.dotenv import read_environment
from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.operations import backup
from selvedge.operations.support import backup_secrets
from selvedge.operations.support.backup_checks import check_backups
from selvedge.operations.support.host_status import HostStatus
from selvedge.resources.restores import repair
from selvedge.run import Run
from tasks.parts.backups import backups as setup

Project = Callable[..., Run]
LOCAL = '[backup]\nto = "/var/backups/apps"\n'
PASSWORD = "SELVEDGE_BACKUP__PASSWORD"


class TestPassword:
    @pytest.fixture
    def bare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No server has a password of backups."""
        monkeypatch.setattr(backup_secrets, "_require_new", lambda _run: None)

    @pytest.mark.usefixtures("bare")
    def test_a_new_one_is_written(self, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / ".env").write_text("OTHER=x\n")
        (tmp_path / ".env").chmod(0o644)
        run = project({"web": "", "two": ""}, LOCAL)
        backup_secrets.complete(run, yes=False, dry=False, script=False)
        found = read_environment(tmp_path / ".env")
        secret = found[PASSWORD].get_secret_value()
        assert len(secret) > 40 and found["OTHER"].get_secret_value() == "x"
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
        assert {session.target.passwords[PASSWORD].get_secret_value() for session in run.fleet.sessions} == {secret}
        said = capsys.readouterr().out
        assert "Keep a copy elsewhere" in said and secret not in said
        again = project({"web": ""}, LOCAL)
        backup_secrets.complete(again, yes=False, dry=False, script=False)
        assert read_environment(tmp_path / ".env")[PASSWORD].get_secret_value() == secret

    @pytest.mark.usefixtures("bare")
    def test_a_dry_run_writes_nothing(self, project: Project, tmp_path: Path) -> None:
        run = project({"web": ""}, LOCAL)
        backup_secrets.complete(run, yes=False, dry=True, script=False)
        assert not (tmp_path / ".env").exists() and run.fleet.sessions[0].target.passwords[PASSWORD]

    @pytest.mark.usefixtures("bare")
    def test_git_must_not_have_the_file(self, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        def git(*words: str) -> None:
            subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

        git("init")
        backup_secrets.complete(project({"web": ""}, LOCAL), yes=False, dry=False, script=False)
        assert "add .env to .gitignore" in capsys.readouterr().out
        (tmp_path / ".env").write_text("OTHER=x\n")
        git("add", "-f", ".env")
        with pytest.raises(ConfigError, match="git tracks") as error:
            backup_secrets.complete(project({"web": ""}, LOCAL), yes=False, dry=False, script=False)
        assert "rm --cached .env" in error.value.remedy
        assert (tmp_path / ".env").read_text() == "OTHER=x\n"

    def test_a_server_that_has_one_keeps_it(self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """This machine has lost its `.env`: a new password could not read the backups, and would replace the last copy."""
        run = project({"web": 'address = "203.0.113.7"'}, LOCAL)
        monkeypatch.setattr(run.fleet, "each", lambda _work: [True])
        with pytest.raises(ConfigError, match="web has a password of its backups") as error:
            backup_secrets.complete(run, yes=False, dry=False, script=False)
        assert "ssh deploy@203.0.113.7 sudo cat /srv/hello/backup/password" in error.value.remedy
        assert not (tmp_path / ".env").exists()

    @pytest.mark.parametrize("password", ["a long enough password", "# 'q' \"d\" $HOME `id` \\n \\ &/", "x'y\\'z#1 2"])
    def test_the_command_that_copies_it(
        self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
    ) -> None:
        run = project({"web": 'address = "203.0.113.7"\nport = 2222\nkey = "my key"'}, LOCAL)
        monkeypatch.setattr(run.fleet, "each", lambda _work: [True])
        with pytest.raises(ConfigError) as error:
            backup_secrets.complete(run, yes=False, dry=False, script=False)
        (tmp_path / "bin").mkdir()
        (tmp_path / "password").write_text(f"{password}\n")
        (tmp_path / "bin/ssh").write_text('#!/bin/sh\necho "$*" >asked\ncat password\n')
        (tmp_path / "bin/ssh").chmod(0o755)
        (tmp_path / ".env").write_text("OTHER=x")
        command = error.value.remedy.partition("`")[2].rpartition("`")[0]
        environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, env=environment)
        found = read_environment(tmp_path / ".env")
        assert found[PASSWORD].get_secret_value() == password and found["OTHER"].get_secret_value() == "x"
        asked = (tmp_path / "asked").read_text()
        assert asked.startswith("-p 2222 -i ") and asked.endswith("my key deploy@203.0.113.7 sudo cat /srv/hello/backup/password\n")


class TestUsage:
    @pytest.fixture(autouse=True)
    def _no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(PASSWORD, "a long enough password")
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)

    def take(self, run: Run, **more: object) -> None:
        backup.take(run, setup, **{"rehearse": False, "download": "", "yes": False, "flags": {}} | more)  # type: ignore[arg-type]

    def restore(self, run: Run, **more: object) -> None:
        given = {"snapshot": "", "file": "", "live": False, "stopped": False, "yes": False, "flags": {}}
        backup.restore(run, setup, **given | more)  # type: ignore[arg-type]

    def test_without_a_place(self, project: Project) -> None:
        for call in (self.take, self.restore, lambda run: backup.backups(run)):
            with pytest.raises(ConfigError, match=r"backup\.to: is not set for web"):
                call(project({"web": ""}))

    def test_a_download(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "there").write_text("x")
        run = project({"web": ""}, LOCAL)
        for download, problem in ((tmp_path / "there", "exists already"), (tmp_path / "none/x", "is missing")):
            with pytest.raises(UsageError, match=problem):
                self.take(run, download=str(download))
        with pytest.raises(UsageError, match="cannot be used together"):
            self.take(run, download="x", rehearse=True)
        with pytest.raises(UsageError, match="2 are selected"):
            self.take(project({"web": "", "two": ""}, LOCAL), download="x")

    def test_a_restore(self, project: Project) -> None:
        run = project({"web": ""}, LOCAL)
        with pytest.raises(UsageError, match="is not a terminal") as error:
            self.restore(run, live=True)
        assert error.value.remedy == "Add `--yes`."
        with pytest.raises(UsageError, match="cannot be used together"):
            self.restore(run, file="x", snapshot="abc")
        for wrong in ("-", "latest", "1f2e; id"):
            with pytest.raises(UsageError, match="is not the id of a backup"):
                self.restore(run, snapshot=wrong)
        with pytest.raises(UsageError, match="is missing"):
            self.restore(run, file="/none")

    @pytest.mark.parametrize(("answer", "asked", "noted"), [
        (None, "ab12", ""),
        ({"id": "ab12" * 16, "time": "2026-01-31T13:00:00.123456789+01:00", "why": "scheduled", "bytes": 8192, "doubt": ""},
         "the backup ab12ab12 (2026-01-31 12:00:00 UTC, by schedule, 8.2 kB)", ""),
        ({"id": "ab12" * 16, "time": "2026-01-31T12:00:00Z", "why": "migration", "bytes": None, "doubt": "It is small"},
         "the backup ab12ab12 (2026-01-31 12:00:00 UTC, before a migration, -)",
         "Note: It is small. `fab -H web restore --live --snapshot ID` takes another one."),
    ], ids=["not set up", "sure", "in doubt"])  # fmt: skip
    def test_the_question_names_the_backup(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: object, asked: str,
        noted: str,
    ) -> None:  # fmt: skip
        questions: list[str] = []
        monkeypatch.setattr(backup, "can_ask", lambda: True)
        monkeypatch.setattr(backup, "accepted", lambda question: bool(questions.append(question)))
        monkeypatch.setattr(backup, "_answer", lambda *_: answer)
        with pytest.raises(SelvedgeError, match="Nothing was restored"):
            self.restore(project({"web": ""}, LOCAL), live=True, snapshot="ab12")
        assert questions == [f"Replace the files and databases of hello on web by {asked}? The app stops meanwhile. [y/N] "]
        assert noted in " ".join(capsys.readouterr().out.split())

    def test_the_database_of_other_servers(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """A restore on `db` cannot stop the app on `web`."""
        monkeypatch.setenv("SELVEDGE_SERVICES__PASSWORD", "a long enough password")
        clients = '[services]\npostgres = true\nhosts = ["db"]\nclients = "apps"\n[groups]\napps = ["web"]\n'
        hosts = {"db": 'address = "203.0.113.20"', "web": 'address = "203.0.113.11"'}
        run = project(hosts, f"{LOCAL}{clients}")
        run.fleet.sessions.pop()
        with pytest.raises(UsageError, match=r"^The app on web uses the database on db, and a restore on db cannot") as error:
            self.restore(run, live=True, yes=True)
        assert error.value.remedy == (
            "Stop it: `fab -H apps stop`. Then run the same command with `--app-stopped`, and then `fab -H apps deploy`."
        )
        questions: list[str] = []
        monkeypatch.setattr(backup, "can_ask", lambda: True)
        monkeypatch.setattr(backup, "accepted", lambda question: bool(questions.append(question)))
        monkeypatch.setattr(backup, "_answer", lambda *_: None)
        with pytest.raises(SelvedgeError, match="Nothing was restored"):
            self.restore(run, live=True, stopped=True)
        assert questions[0].endswith("? The app must be stopped on web. [y/N] ")
        done: list[object] = []
        monkeypatch.setattr(run, "chain", lambda *given: done.append(given))
        monkeypatch.setattr(Run, "of_app", lambda *_, **__: run)
        self.restore(run, live=True, stopped=True, yes=True)
        self.restore(run, live=True, yes=True, flags={"dry_run": True})
        assert len(done) == 2
        assert "then `fab -H db postgres` and `fab -H apps deploy`" in repair(run.fleet.sessions[0].target)

    def test_the_host_key_is_unknown(self, project: Project, tmp_path: Path) -> None:
        text = '[backup]\nto = "sftp:me@203.0.113.20:/b"\nkey = "backup_key"\n'
        for flags, why in ({}, "no one can be asked"), ({"script": True}, "it would be a part of the script"):
            with pytest.raises(UsageError, match=rf"The host key of 203\.0\.113\.20 is unknown, and {why}"):
                self.take(project({"web": ""}, text), flags=flags)
        assert not (tmp_path / "home/.ssh").exists()

    def test_a_dry_run_shows_the_unknown_host_key_and_goes_on(
        self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        done: list[object] = []
        monkeypatch.setattr(Run, "chain", lambda *given: done.append(given))
        key = "203.0.113.20 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1hYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
        monkeypatch.setattr(Session, "run", lambda *_: SimpleNamespace(output=f"{key}\n"))
        text = '[backup]\nto = "sftp:me@203.0.113.20:/b"\nkey = "backup_key"\n'
        self.take(project({"web": ""}, text), flags={"dry_run": True})
        said = " ".join(capsys.readouterr().out.split())
        assert "203.0.113.20 shows these host keys to web: ED25519 SHA256:" in said
        assert "Not stored, because this is a dry run: `fab backup` asks whether they are those of your backup host" in said
        assert len(done) == 1 and not (tmp_path / "home/.ssh").exists()


FACTS = "now 1000000\nbackup-timer active\n"


@pytest.mark.parametrize(("facts", "results"), [
    ("now 1000000\n", ["warning: backups are not set up on the server"]),
    (FACTS, ["warning: no backup was taken yet"]),
    (FACTS + "backup-good 999990 ab12 scheduled\n", ["ok: the last good one is 10 s old"]),
    (FACTS + "backup-good 1000 ab12 scheduled\n", ["warning: the last one is 11 days 13 h old"]),
    (FACTS + "backup-good 1000 ab12 scheduled\nbackup-period 2678400\n", ["ok: the last good one is 11 days 13 h old"]),
    (FACTS + "backup-good 789000 ab12 scheduled\nbackup-period 86400\n", ["ok: the last good one is 2 days 10 h old"]),
    (FACTS + "backup-good 783000 ab12 scheduled\nbackup-period 86400\n", ["warning: the last one is 2 days 12 h old"]),
    (FACTS + "backup-good 999990 ab12 manual /var/backups/x/hello/server\n", ["ok: the last good one is 10 s old"]),
    (FACTS + "backup-good 999990 ab12 manual /var/backups/old/hello/server\n",
     ["warning: none was taken to /var/backups/x/hello/server yet: the last good one, 10 s old, is in "
      "/var/backups/old/hello/server"]),
    (FACTS + "backup-good 999990 ab12 manual\nbackup-failed 999995 restic init: the disk is full.\n",
     ["problem: failed 5 s ago: restic init: the disk is full.", "ok: the last good one is 10 s old"]),
    (FACTS + "backup-failed 999995 x\n", ["problem: failed 5 s ago: x"]),
    ("now 1000000\nbackup-timer inactive\nbackup-good 999990 ab12 manual\n",
     ["ok: the last good one is 10 s old", "problem: its timer is inactive"]),
    (FACTS + "backup-good 999990 ab12 manual\nbackup-unrehearsed 999995 it differs\n",
     ["ok: the last good one is 10 s old", "problem: the rehearsal of a restore failed 5 s ago: it differs"]),
    (FACTS + "backup-good 999990 ab12 manual\nbackup-stopped yes\n",
     ["problem: a restore was interrupted before it replaced data, and the app is stopped", "ok: the last good one is 10 s old"]),
    (FACTS + "backup-good 999990 ab12 manual\nbackup-unstarted yes\n",
     ["problem: a restore has replaced the data, and the app has not started since", "ok: the last good one is 10 s old"]),
    (FACTS + "backup-good 999990 ab12 manual\nbackup-closed yes\n",
     ["problem: a restore was interrupted before it let the other servers in", "ok: the last good one is 10 s old"]),
    (FACTS + "backup-good 999990 ab12 manual\nbackup-half yes\n",
     ["problem: a restore was interrupted, and has replaced only a part of the live data", "ok: the last good one is 10 s old"]),
])  # fmt: skip
def test_what_status_says(target: Callable[..., Target], facts: str, results: list[str]) -> None:
    app = target(backup={"to": "/var/backups/x"})
    found = list(check_backups(app, HostStatus.parse(facts)))
    assert [f"{each.level}: {each.text}" for each in found] == results
    assert all(each.remedy for each in found if each.level != "ok")
