"""Half restored data is out of reach for other servers that use the database: a line in pg_hba.conf, and its end."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from selvedge.shell.server.backup import half, network, settings
from selvedge.shell.server.backup.settings import Failed

OPEN = """# selvedge: the servers that use the database blog
hostssl "blog" "blog" 10.0.0.2/32 scram-sha-256 # web1
 host\tblog blog 10.0.0.3 255.255.255.255 scram-sha-256
# selvedge: end of blog
hostssl all all 10.0.0.0/8 scram-sha-256
local all all peer
"""
LINE = 'host all "{0}" all reject # selvedge: a restore of {0} is not finished\n'


class Cluster:
    """What the functions need of a `Postgres`. asked: the SQL that it was asked. errors: those of pg_hba.conf."""

    def __init__(self, hba: Path, app: str = "blog") -> None:
        self.settings: Any = type("Settings", (), {"app": app, "host_name": "db"})
        self.hba, self.asked, self.errors, self.fails = hba, [""][1:], [""][1:], ""

    def admin(self, sql: str) -> list[str]:
        self.asked.append(sql)
        if sql == self.fails:
            raise Failed("PostgreSQL refused a command: it stops.", "Look.")
        return self.errors if sql == network.ERRORS else [str(self.hba)]

    def files(self) -> list[str]:
        return [path.name for path in self.hba.parent.iterdir()]

    def reloads(self) -> int:
        return self.asked.count("select pg_reload_conf()")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(network, "LOADING", 0)
    monkeypatch.setattr(settings, "STATE", str(tmp_path / "state"))
    monkeypatch.setattr(network, "LOCK", str(tmp_path / "lock/postgres.hba"))
    monkeypatch.setattr(network, "has_clients", lambda app: app.startswith("blog"))
    hba = tmp_path / "main/pg_hba.conf"
    hba.parent.mkdir()
    hba.write_text(OPEN)
    hba.chmod(0o640)
    return Cluster(hba)


def test_the_app_is_rejected_before_any_line_lets_it_in(cluster: Cluster) -> None:
    """Whatever the lines of the servers are: an administrator may have edited them, or added some above them."""
    for number in (1, 2):  # A restore may be cut twice, also before PostgreSQL has read the file.
        network.close(cluster)
        assert cluster.hba.read_text() == LINE.format("blog") + OPEN and cluster.reloads() == number
    assert cluster.hba.stat().st_mode & 0o777 == 0o640 and cluster.files() == ["pg_hba.conf"]


def test_open_connections_end_when_no_new_one_can_begin(cluster: Cluster) -> None:
    cluster.settings.app = "blog-'x"
    network.close(cluster)
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'blog-''x' and client_addr is not null"
    assert cluster.asked[-2:] == ["select pg_reload_conf()", ended]
    network.reopen(cluster)
    assert cluster.asked.count(ended) == 1


def test_a_file_that_is_a_symbolic_link_stays_one(cluster: Cluster, tmp_path: Path) -> None:
    real = tmp_path / "real.conf"
    cluster.hba.rename(real)
    cluster.hba.symlink_to(real)
    network.close(cluster)
    assert cluster.hba.is_symlink() and real.read_text() == LINE.format("blog") + OPEN
    network.reopen(cluster)
    assert cluster.hba.is_symlink() and real.read_text() == OPEN and cluster.files() == ["pg_hba.conf"]


def test_data_that_is_whole_is_not_half_restored(cluster: Cluster) -> None:
    """The power may be cut before the mark is removed."""
    settings.write(settings.HALF, '{"chosen": "1f2e3d4c", "backup": "x"}')
    remedy = "Run the same `fab -H db restore --live --app-stopped` again."
    assert half.is_half() and half.named(remedy) == remedy.replace("--live", "--live --snapshot 1f2e3d4c")
    network.close(cluster)
    assert half.is_half()
    network.reopen(cluster)
    assert not half.is_half() and half.read_half() == {} and half.named(remedy) == remedy
    for text in ("", "{}", "no JSON"):  # Of an earlier version.
        settings.write(settings.HALF, text)
        assert half.is_half() and half.named(remedy) == remedy
    settings.write(settings.HALF, '{"chosen": "file"}')
    assert "restore --live --from FILE --app-stopped" in half.named(remedy)


def test_it_is_let_in_again(cluster: Cluster) -> None:
    network.close(cluster)
    other = LINE.format("blog-2")
    cluster.hba.write_text(f"# moved\n{other}{cluster.hba.read_text()}")
    network.reopen(cluster)
    assert cluster.hba.read_text() == f"# moved\n{other}{OPEN}"
    network.reopen(cluster)
    assert cluster.reloads() == 2


@pytest.mark.parametrize("text", ["", "local all all peer", "local all all peer # caf\udce9\r\n#\x0b\u2028\n"])
def test_the_rest_of_the_file_stays_as_it_is(cluster: Cluster, text: str) -> None:
    before = text.encode("utf-8", "surrogateescape")
    cluster.hba.write_bytes(before)
    network.close(cluster)
    assert cluster.hba.read_bytes() == LINE.format("blog").encode() + before
    network.reopen(cluster)
    assert cluster.hba.read_bytes() == before


def test_nothing_is_asked_if_no_other_server_uses_the_database(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "has_clients", lambda _: False)
    network.close(cluster)
    network.reopen(cluster)
    assert cluster.asked == [] and cluster.hba.read_text() == OPEN


def test_a_file_that_postgresql_would_not_load_stops_the_restore(cluster: Cluster) -> None:
    """pg_reload_conf() succeeds nevertheless, and PostgreSQL keeps the lines that it has."""
    cluster.errors = ['line 7: invalid authentication method "scam"']
    with pytest.raises(Failed, match=r'its file .*/pg_hba.conf: line 7: invalid authentication method "scam"\.$') as error:
        network.close(cluster)
    assert error.value.remedy == "Correct that line on the server." and cluster.hba.read_text() == OPEN and cluster.reloads() == 0
    network.reopen(cluster)
    assert cluster.hba.read_text() == OPEN


@pytest.mark.parametrize("fails", [network.ERRORS, "select pg_reload_conf()", "show hba_file"])
def test_what_postgresql_has_not_read_is_no_state_of_the_file(cluster: Cluster, fails: str) -> None:
    """So the next run sees in it what PostgreSQL does."""
    cluster.fails = fails
    with pytest.raises(Failed):
        network.close(cluster)
    assert cluster.hba.read_text() == OPEN
    cluster.fails = ""
    network.close(cluster)
    cluster.fails = fails
    with pytest.raises(Failed, match=r"^PostgreSQL still rejects the other servers: PostgreSQL refused .*: it stops\.$") as error:
        network.reopen(cluster)
    assert error.value.remedy == "Look. The data is whole: then let them in, `fab -H db postgres`."
    assert cluster.hba.read_text() == LINE.format("blog") + OPEN


def test_a_full_disk_leaves_no_file(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(network, "flush", full)
    with pytest.raises(Failed, match=r"pg_hba.conf: No space left on device\.$"):
        network.close(cluster)
    assert cluster.hba.read_text() == OPEN and cluster.files() == ["pg_hba.conf"]


def test_the_file_survives_a_power_cut(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(Path(f"/proc/self/fd/{handle}").readlink()))
    network.close(cluster)
    assert [flushed[0].parent, flushed[1]] == [cluster.hba.parent] * 2


def test_no_link_of_postgresqls_user_is_followed(cluster: Cluster, tmp_path: Path) -> None:
    """The folder belongs to that user."""
    (tmp_path / "target").write_text("x")
    (tmp_path / "target").chmod(0o600)
    (cluster.hba.parent / "pg_hba.conf.new").symlink_to(tmp_path / "target")
    network.close(cluster)
    assert (tmp_path / "target").read_text() == "x" and (tmp_path / "target").stat().st_mode & 0o777 == 0o600


def test_restores_of_two_apps_change_the_file_one_after_the_other(cluster: Cluster) -> None:
    lock = Path(network.LOCK)
    lock.parent.mkdir()
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        restore = threading.Thread(target=network.close, args=(cluster,))
        restore.start()
        restore.join(0.5)
        assert restore.is_alive() and cluster.hba.read_text() == OPEN
        cluster.hba.write_text(LINE.format("blog-2") + OPEN)
    restore.join(20)
    assert cluster.hba.read_text() == LINE.format("blog") + LINE.format("blog-2") + OPEN
