"""Half restored data is out of reach for other servers that use the database: lines in pg_hba.conf, and their end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.databases.clients import PostgresClients
from selvedge.shell.server.backup import network

OPEN = '''# selvedge: the servers that use the database blog
hostssl "blog" "blog" 10.0.0.2/32 scram-sha-256
hostssl "blog" "blog" fd00::2/128 scram-sha-256
# selvedge: end of blog
# selvedge: the servers that use the database blog-2
hostssl "blog-2" "blog-2" 10.0.0.2/32 scram-sha-256
# selvedge: end of blog-2
local all all peer
'''
REJECTED = f'''host "blog" "blog" 10.0.0.2/32 reject {network.CLOSED}
host "blog" "blog" fd00::2/128 reject {network.CLOSED}
'''


class Cluster:
    """What the functions need of a `Postgres`. asked: the SQL that it was asked."""

    def __init__(self, hba: Path) -> None:
        self.settings: Any = type("Settings", (), {"app": "blog"})
        self.hba, self.asked = hba, [""][1:]

    def admin(self, sql: str) -> list[str]:
        self.asked.append(sql)
        return [str(self.hba)]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(network, "LOADING", 0)
    monkeypatch.setattr(network, "has_clients", lambda app: app == "blog")
    (tmp_path / "pg_hba.conf").write_text(OPEN)
    (tmp_path / "pg_hba.conf").chmod(0o640)
    return Cluster(tmp_path / "pg_hba.conf")


def test_the_apps_own_servers_are_rejected_before_they_are_let_in(cluster: Cluster) -> None:
    first, rest = OPEN.split("\n", 1)
    for _ in range(2):  # A restore may be cut twice.
        network.close(cluster)
        assert cluster.hba.read_text() == f"{first}\n{REJECTED}{rest}"
    assert cluster.hba.stat().st_mode & 0o777 == 0o640 and not list(cluster.hba.parent.glob("*.new"))
    assert cluster.asked == ["show hba_file", "select pg_reload_conf()", "show hba_file"]


def test_they_are_let_in_again(cluster: Cluster) -> None:
    network.close(cluster)
    network.reopen(cluster)
    assert cluster.hba.read_text() == OPEN
    network.reopen(cluster)
    assert cluster.asked.count("select pg_reload_conf()") == 2


def test_nothing_is_asked_if_no_other_server_uses_the_database(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "has_clients", lambda _: False)
    network.close(cluster)
    network.reopen(cluster)
    assert cluster.asked == [] and cluster.hba.read_text() == OPEN


def test_a_block_without_its_end_stays(cluster: Cluster) -> None:
    cluster.hba.write_text(OPEN.replace("# selvedge: end of blog\n", ""))
    before = cluster.hba.read_text()
    network.close(cluster)
    assert cluster.hba.read_text() == before


def test_the_lines_are_those_that_the_step_writes() -> None:
    step = PostgresClients("blog", "10.0.0.1", ("10.0.0.2", "fd00::2"))
    assert step._hba() in OPEN
    text = network.changed(OPEN, "blog", network._closed)
    assert text.count("reject") == 2 and text.index("reject") < text.index("hostssl")
