"""`[backup]`: places, times, and the secrets that are not in hosts.toml."""

from __future__ import annotations

import pytest

from selvedge.config.backup import Place
from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import APP

KEY = 'key = "backup_key"\n'
PLACES = [
    ("/var/backups/apps", "/var/backups/apps/hello/s"),
    ("/var/backups/apps/", "/var/backups/apps/hello/s"),
    ("sftp:me@203.0.113.20:/srv/b", "sftp:me@203.0.113.20:/srv/b/hello/s"),
    ("sftp://me@backup.example.com:2222/srv/b", "sftp:me@backup.example.com:/srv/b/hello/s"),
    ("sftp:me@[2001:db8::1]:/b", "sftp://me@[2001:db8::1]//b/hello/s"),
    ("s3:https://s3.example.com/bucket", "s3:https://s3.example.com:443/bucket/hello/s"),
    ("s3:http://10.0.0.1:5000/bucket/apps", "s3:http://10.0.0.1:5000/bucket/apps/hello/s"),
]
WRONG_PLACES = [
    "backups", "/", "/etc/backups", "/var", "/srv", "/var/../etc", "/var/./x", "/var/x y", "/var/$x", "rest:https://x/",
    "sftp:host:/x", "sftp:me@host:x", "sftp:-oProxyCommand=x@host:/x", "sftp:me@-oProxyCommand:/x", "sftp://me@host:99999/x",
    "s3:host/bucket", "s3:https://key:secret@host/bucket", "s3:https://host", "s3:https://host/b?x", "sftp:me@1.2.3:/x",
]  # fmt: skip


@pytest.mark.parametrize(("to", "repository"), PLACES)
def test_a_place(settings: Load, to: str, repository: str) -> None:
    key = KEY if to.startswith("sftp") else ""
    assert settings(f'{APP}[backup]\nto = "{to}"\n{key}[hosts.s]\n').target("s").backup_repository == repository


@pytest.mark.parametrize("to", WRONG_PLACES)
def test_a_wrong_place(problems: Problems, to: str) -> None:
    (line,) = problems(f'{APP}[backup]\nto = "{to}"\n{KEY}[hosts.s]\n')
    assert line.startswith("hosts.toml: backup.to: must ")
    assert "secret@" not in line


def test_the_port_of_ssh() -> None:
    assert Place.of("sftp://me@host:2222/x").port == 2222
    assert Place.of("sftp:me@host:/x").port == 0


def test_times_are_those_of_timers(settings: Load, problems: Problems) -> None:
    found = settings(f'{APP}[backup]\nschedule = "30 3 * * *"\nrehearse = "Sun 05:00"\n[hosts.s]\n').target("s").backup
    assert found.times == {"schedule": ("*-*-* 03:30:00",), "rehearse": ("Sun 05:00",)}
    assert settings(f'{APP}[backup]\nschedule = ""\n[hosts.s]\n').target("s").backup.times == {"schedule": (), "rehearse": ()}
    for key in ("schedule", "rehearse"):
        (line,) = problems(f'{APP}[backup]\n{key} = "03:30; id"\n[hosts.s]\n')
        assert line.startswith(f"hosts.toml: backup.{key}: must be systemd's calendar form")


def test_sftp_needs_a_key(problems: Problems) -> None:
    (line,) = problems(f'{APP}[backup]\nto = "sftp:me@host:/x"\n[hosts.s]\n')
    assert line.startswith("hosts.toml: backup: key is missing") and "ssh-keygen -t ed25519" in line


def test_what_is_kept(settings: Load) -> None:
    assert settings(f"{APP}[hosts.s]\n").target("s").backup.keeps == {"daily": 7, "weekly": 4, "monthly": 6}
    assert settings(f"{APP}[backup.keep]\nlast = 3\n[hosts.s]\n").target("s").backup.keeps == {"last": 3}
    assert settings(f"{APP}[backup.keep]\nlast = 0\n[hosts.s]\n").target("s").backup.keeps == {}


@pytest.mark.parametrize("path", ["/etc", "../x", "a/../b", "a b", "-rf", "", "a//b", "$x"])
def test_files_are_in_shared(problems: Problems, path: str) -> None:
    if path == "-rf":  # a file may have this name: restic gets whole paths
        assert problems(f'{APP}[backup]\nfiles = ["{path}"]\n[hosts.s]\n') == []
        return
    (line,) = problems(f'{APP}[backup]\nfiles = ["{path}"]\n[hosts.s]\n')
    assert "must be a path in shared/" in line


@pytest.mark.parametrize(("files", "wrong"), [
    (["media", "media/a"], "must not name media/a beside media, which contains it."),
    (["a/b/c", "x", "a/"], "must not name a/b/c beside a, which contains it."),
    (["media/", "x", "media"], "must not name media twice."),
    (["media", "media2", "a/media", "media-x/a"], ""),
])  # fmt: skip
def test_files_do_not_contain_each_other(problems: Problems, files: list[str], wrong: str) -> None:
    found = problems(f"{APP}[backup]\nfiles = {files}\n[hosts.s]\n")
    assert [line.partition(" Write, ")[0] for line in found] == ([f"hosts.toml: backup.files: {wrong}"] if wrong else [])


@pytest.mark.parametrize("pattern", ["/etc", "../x", "a/../b", "*", "**", "*/*", "", "a//b", "$x", "[a]", "a\\\\b", "!x", " "])
def test_a_wrong_pattern_of_excluded_files(problems: Problems, pattern: str) -> None:
    (line,) = problems(f'{APP}[backup]\nexclude = ["{pattern}"]\n[hosts.s]\n')
    assert line.startswith("hosts.toml: backup.exclude") and "must " in line


def test_patterns_of_excluded_files(settings: Load) -> None:
    wanted = ["cache/", "uploads/*/x", "*.tmp", "a?b"]
    assert settings(f"{APP}[backup]\nexclude = {wanted}\n[hosts.s]\n").target("s").backup.exclude == ["cache", *wanted[1:]]


@pytest.mark.parametrize(("region", "wrong"), [("eu-central-1", False), ("", False), ("a b", True), ("x\\ny", True), ("-x", True)])
def test_the_region_of_a_bucket(problems: Problems, region: str, wrong: bool) -> None:
    assert bool(problems(f'{APP}[backup]\nregion = "{region}"\n[hosts.s]\n')) is wrong


@pytest.mark.parametrize("to", ["/srv/hello", "/srv/hello/shared/backups"])
def test_backups_are_not_in_the_folder_of_the_app(problems: Problems, to: str) -> None:
    """A backup would have those before it, and `fab remove` would delete them."""
    (line,) = problems(f'{APP}[backup]\nto = "{to}"\n[hosts.s]\n')
    assert f"backup.to is {to}, which is in the app's own folder" in line
    assert problems(f'{APP}[backup]\nto = "/srv/hello2"\n[hosts.s]\n') == []


@pytest.mark.parametrize("name", ["password", "s3_secret_key"])
def test_secrets_are_not_in_the_file(problems: Problems, name: str) -> None:
    (line,) = problems(f'{APP}[backup]\n{name} = "c4nary"\n[hosts.s]\n')
    assert "c4nary" not in line and f"SELVEDGE_BACKUP__{name.upper()}" in line


def test_secrets_are_no_settings(settings: Load) -> None:
    environ = {"SELVEDGE_BACKUP__PASSWORD": "c4nary", "SELVEDGE_BACKUP__SCHEDULE": "hourly"}
    app = settings(f"{APP}[hosts.s]\n", environ=environ).target("s")
    assert app.backup.schedule == "hourly"
    assert "c4nary" not in repr(app) and app.passwords["SELVEDGE_BACKUP__PASSWORD"].get_secret_value() == "c4nary"


def test_a_host_may_have_none(settings: Load) -> None:
    found = settings(f'{APP}[backup]\nto = "/var/backups/x"\n[hosts.s]\n[hosts.s.backup]\nto = ""\n[hosts.t]\n')
    assert (found.target("s").backup.to, found.target("t").backup.to) == ("", "/var/backups/x")
