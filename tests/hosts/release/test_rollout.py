"""A release on several servers: the first alone, then in batches. A failure on one reverts all."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills import GENTLE, QUICK, assert_consistent, at_start, live
from lab import Lab, Project
from observe import differences, snapshot_of_filesystem
from sandbox import Server
from traffic import load
from workers import add_program, kinds

FAULT = "assert not __import__('pathlib').Path('/srv/hello/shared/broken').exists(), 'broken'"
"""A line of start-up code: the app does not start on a server that has this file."""


@pytest.fixture(scope="module")
def servers(lab: Lab) -> list[Server]:
    return [lab.server("deployed") for _ in range(3)]


@pytest.fixture(scope="module")
def names(servers: list[Server]) -> str:
    return ",".join(server.name for server in servers)


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    shared_project.commit(at_start(FAULT))
    return shared_project


def configure(project: Project, rollout: str = "batch = 1", **app: object) -> None:
    """Configure the rollout. The hook after_switch records the order of the switches on this machine."""
    hook = 'after_switch = \'local: date "+%s.%N $HOST" >>switches\''
    project.configure(f"[rollout]\n{rollout}\n\n[hooks]\n{hook}\n", **QUICK | app)


def switches(project: Project) -> list[str]:
    """Return the hosts in the order of their switches, and delete the record."""
    file: Path = project.folder / "switches"
    lines = sorted(file.read_text().splitlines()) if file.exists() else []
    file.unlink(missing_ok=True)
    return [line.split()[1] for line in lines]


def test_the_first_host_alone_then_batches(servers: list[Server], names: str, project: Project) -> None:
    configure(project, "batch = 2\npause = 1")
    with load(f"{servers[0].url}/health", 200, GENTLE) as traffic:
        result = project.must("-H", names, "deploy")
    order = [server.name for server in servers]
    assert switches(project)[0] == order[0]
    ended = [line.split()[0] for line in result.stdout.splitlines() if "✓ switch from" in line]
    assert ended[0] == order[0] and sorted(ended) == sorted(order)
    assert result.stdout.count("Waiting 1 s before the next servers.") == 1
    assert {assert_consistent(server) for server in servers} == {live(servers[0])}
    assert traffic.lost == 0, traffic


def test_one_failing_host_reverts_all_hosts(servers: list[Server], names: str, project: Project) -> None:
    configure(project)
    before = [assert_consistent(server) for server in servers]
    servers[2].run("touch /srv/hello/shared/broken")
    commit = project.commit("Refused by the third")
    with load(f"{servers[0].url}/health", 300, GENTLE) as traffic:
        result = project.fab("-H", names, "deploy")
    assert result.status == 1, result
    assert f"{servers[2].name}: supervisor failed at" in result.stderr and "(its lifespan) failed" in result.stderr
    order = [servers[0].name, servers[1].name]
    assert switches(project) == [*order, *reversed(order)], "also when they return to the previous release, the last one first"
    assert [assert_consistent(server) for server in servers] == before
    assert len(traffic.releases) == 2 and traffic.releases[1].startswith(commit[:12])
    assert traffic.lost == 0, traffic
    for server in servers:
        states = server.run(f"cat /srv/hello/instances/{commit[:12]}-*/state").stdout.split()
        assert states == ["bad"], "a release that failed on another server is no target of a rollback"
    table = [line.split() for line in result.stdout.splitlines() if line.endswith("(unchanged)")]
    assert table == [[server.name, "live", release, "(unchanged)"] for server, release in zip(servers, before, strict=True)]


def test_a_failing_first_host_stops_the_rollout(servers: list[Server], names: str, project: Project) -> None:
    before = [assert_consistent(server) for server in servers]
    servers[2].run("rm /srv/hello/shared/broken")
    servers[0].run("touch /srv/hello/shared/broken")
    project.commit("Refused by the first")
    result = project.fab("-H", names, "deploy")
    assert result.status == 1 and switches(project) == [], result
    assert [assert_consistent(server) for server in servers] == before
    assert "switched" not in result.stdout
    servers[0].run("rm /srv/hello/shared/broken")


@pytest.mark.thorough
def test_no_revert_keeps_the_hosts_that_have_switched(servers: list[Server], names: str, project: Project) -> None:
    configure(project)
    before = [assert_consistent(server) for server in servers]
    servers[2].run("touch /srv/hello/shared/broken")
    commit = project.commit("Kept by two")
    result = project.fab("-H", names, "deploy", "--no-revert")
    assert result.status == 1, result
    assert [assert_consistent(server)[:12] for server in servers] == [commit[:12], commit[:12], before[2][:12]]
    assert result.stdout.count("(switched)") == 2 and result.stdout.count("(unchanged)") == 1
    servers[2].run("rm /srv/hello/shared/broken")
    switches(project)
    project.must("-H", names, "deploy")
    assert switches(project) == [servers[2].name], "the hosts that have switched are not deployed again"
    assert {assert_consistent(server)[:12] for server in servers} == {commit[:12]}


@pytest.mark.thorough
def test_rollback_on_all_hosts(servers: list[Server], names: str, project: Project) -> None:
    new = assert_consistent(servers[0])
    project.must("-H", names, "rollback")
    assert len({assert_consistent(server) for server in servers}) in (1, 2)
    assert new not in {live(server) for server in servers}
    project.must("-H", names, "deploy", "--force")
    assert {assert_consistent(server) for server in servers} == {new}


@pytest.mark.thorough
def test_batches_given_as_a_percentage(lab: Lab, servers: list[Server], names: str, project: Project) -> None:
    """25 % of four servers is one server a batch, in the order of the command line."""
    fourth = lab.server("deployed")
    switches(project)
    configure(project, 'batch = "25%"\npause = 0.1')
    project.commit("A quarter at a time")
    result = project.must("-H", f"{names},{fourth.name}", "deploy")
    assert result.stdout.count("Waiting 0.1 s before the next servers.") == 3, result
    assert switches(project) == [*(server.name for server in servers), fourth.name]
    assert {assert_consistent(server)[:12] for server in (*servers, fourth)} == {project.head[:12]}


@pytest.mark.thorough
@pytest.mark.parametrize("shared", [True, False], ids=["one database", "a database each"])
def test_migrations_run_once_per_database(servers: list[Server], names: str, project: Project, shared: bool) -> None:
    address = "postgresql://app:secret@db.test/app" if shared else "sqlite:////srv/hello/shared/own.sqlite3"
    (project.folder / "production.env").write_text(f"REPORTS_DATABASE={address}\n")
    configure(project, env_file="production.env", migrate="echo ran >>/srv/hello/shared/ran")
    project.commit(f"Migrated, {address[:6]}")
    result = project.must("-H", names, "deploy")
    ran = [server.run("cat /srv/hello/shared/ran 2>/dev/null; rm -f /srv/hello/shared/ran").stdout.split() for server in servers]
    assert ran == ([["ran"], [], []] if shared else [["ran"]] * 3), result
    assert "secret" not in result.stdout + result.stderr


@pytest.mark.thorough
def test_a_scheduler_moves_to_another_server(servers: list[Server], names: str, project: Project) -> None:
    """It has ended on its server before it begins on the other one, although that one is the first of the run."""
    for server in servers:
        server.run("rm -f /srv/hello/shared/broken")
    commit = project.commit(add_program)

    def deploy_to(server: Server) -> None:
        beat = f'[processes.beat]\ncommand = "python worker.py beat slow"\noverlap = false\nhosts = ["{server.name}"]\n'
        configure(project, "\n".join(["batch = 3", beat, *map(project.host_settings, servers)]))
        project.must("-H", names, "deploy")
        release = live(server)
        assert release.startswith(commit[:12])
        assert [kinds(each) for each in servers] == [[f"beat of {release}"] if each is server else [] for each in servers]

    deploy_to(servers[2])
    deploy_to(servers[0])
    ended = servers[2].run("cat /srv/hello/shared/stops; stat -c %.Y /srv/hello/shared/stops").stdout.split()
    begun = servers[0].run("stat -c %.Y /srv/hello/shared/.tmp/.*.beat@1.pid").stdout
    assert ended[:2] == ["asked", "ended"] and float(ended[2]) < float(begun)


@pytest.mark.thorough
def test_an_unreachable_host_stops_the_run_before_any_change(servers: list[Server], names: str, project: Project) -> None:
    configure(project)
    switches(project)
    project.commit("For all or none")
    servers[1].poweroff()
    try:
        before = [snapshot_of_filesystem(servers[0]), snapshot_of_filesystem(servers[2])]
        result = project.fab("-H", names, "deploy")
        assert result.status == 4 and servers[1].name in result.stderr, result
        after = [snapshot_of_filesystem(servers[0]), snapshot_of_filesystem(servers[2])]
        assert [differences(*pair) for pair in zip(before, after, strict=True)] == [{}, {}]
        assert result.seconds < 40

        status = project.fab("-H", names, "status")
        assert status.status == 4 and f"{servers[1].name}: " in status.stderr, status
        assert all(f"{server.name}  " in status.stdout for server in servers), "the others are shown, too"

        skipped = project.fab("-H", names, "deploy", "--skip-unreachable")
        assert skipped.status == 0 and f"{servers[1].name} is left out (--skip-unreachable)." in skipped.stderr, skipped
        assert switches(project) == [servers[0].name, servers[2].name]
        assert {assert_consistent(server)[:12] for server in (servers[0], servers[2])} == {project.head[:12]}
    finally:
        servers[1].boot()
