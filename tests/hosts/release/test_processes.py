"""Processes beside the web process: they follow it at each switch, and no job is killed, no scheduler runs twice."""

from __future__ import annotations

import json
import re

import pytest

import containers
from drills import QUICK, assert_consistent, drained, live, serves
from lab import Lab, Project, until
from sandbox import Server
from workers import add_program, configure, killed, kinds, running, settled, tables, twice

THOROUGH = pytest.mark.thorough
LIFE = [pytest.param("systemd"), *(pytest.param(name, marks=THOROUGH) for name in ("supervisor", "docker"))]
FAULTS = [pytest.param("supervisor"), *(pytest.param(name, marks=THOROUGH) for name in ("systemd", "docker"))]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"))
    project.commit(add_program)
    return project


@pytest.fixture(scope="class")
def manager(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="class")
def server(lab: Lab, project: Project, manager: str) -> Server:
    """Return a server on which this manager runs the processes of `tables`."""
    server = lab.server("deployed")
    if manager == "docker":
        containers.install(server, project)
        project.commit(containers.dockerfile())
    configure(project, manager)
    project.must("-H", server.name, "deploy")
    settled(server, live(server))
    return server


# The last one lives three seconds, after its interpreter has started, which takes a while on a busy machine.
FAULTY = {
    "python -c 'import nosuch'": "(as it started|after . s), exit status 1: ModuleNotFoundError: No module named 'nosuch'",
    "celeri worker": "(as it started|after . s), exit status 127: sh: 1: exec: celeri: not found",
    "python worker.py worker fragile": "after ([3-9]|1.) s, exit status 1: no strength left",
}


@pytest.mark.parametrize("manager", LIFE, indirect=True)
class TestLife:
    def test_they_follow_the_web_process(self, server: Server, project: Project, manager: str) -> None:
        host = ("-H", server.name)
        first = assert_consistent(server)
        assert "nothing to change" in project.must(*host, "deploy").stdout
        project.commit("second")
        project.must(*host, "deploy")
        second = assert_consistent(server)
        settled(server, second)
        assert second != first
        project.must(*host, "rollback")
        settled(server, first)
        project.must(*host, "restart")
        settled(server, f"{first}r1")
        assert_consistent(server)

        def web() -> str:
            return server.run("pgrep -u hello -f gunicorn | sort").stdout

        before = web()
        configure(project, manager, tables(count=3))
        assert "run 3 of the process worker, not 2" in project.must(*host, "deploy", "--force", "--commit", first[:12]).stdout
        settled(server, f"{first}r1", workers=3)
        configure(project, manager, tables(count=1))
        project.must(*host, "deploy", "--force", "--commit", first[:12])
        settled(server, f"{first}r1", workers=1)
        ids = running(server)
        project.must(*host, "restart", "--process", "worker")
        until(lambda: len(running(server)) == 2, 20)
        assert len(set(ids) & set(running(server))) == 1, "the beat keeps running"
        project.must(*host, "restart", "--process", "beat")
        assert web() == before
        said = project.must(*host, "logs", "--process", "beat").stdout
        assert "has ended well" in said and f"beat 1 of {first}r1 begins" in said
        report = json.loads(project.must(*host, "status", "--json").stdout)[server.name]
        up = {name: (each["up"], each["count"]) for name, each in report["processes"].items()}
        assert up == {"beat": (1, 1), "worker": (1, 1)}
        server.reboot()
        serves(server)
        settled(server, f"{first}r1", workers=1)
        project.must(*host, "stop")
        assert kinds(server) == []
        project.must(*host, "start")
        settled(server, f"{first}r1", workers=1)
        assert twice(server) == ""
        assert killed(server) == []


@pytest.mark.parametrize("manager", FAULTS, indirect=True)
class TestFaults:
    def test_a_process_that_fails_takes_the_release_back(self, server: Server, project: Project, manager: str) -> None:
        host = ("-H", server.name)
        release, before = assert_consistent(server), running(server)
        for command, said in FAULTY.items():
            configure(project, manager, tables(worker=command), settle=5.0 if "fragile" in command else 1.0)
            result = project.fab(*host, "deploy")
            assert result.status == 1, result
            sentence = f"The process worker of the new release ended {said}.* The previous release {release} keeps"
            assert re.search(f"{sentence} serving, with its processes", result.stderr), result
            assert live(server) == release
            settled(server, release)
            same = {pid for pid, each in running(server).items() if before.get(pid) == each and each.startswith("worker")}
            assert len(same) == 2, "the old workers did not notice"
        configure(project, manager, tables(beat="python -c 'import nosuch'"))
        result = project.fab(*host, "deploy")
        assert "The process beat of the new release ended a" in result.stderr, result
        settled(server, release)
        assert twice(server) == ""
        assert "up 2/2" in project.must(*host, "status").stdout

    @pytest.mark.thorough
    def test_a_process_that_ignores_its_signal_is_killed_in_time(self, server: Server, project: Project, manager: str) -> None:
        """The deploy does not wait for it."""
        host = ("-H", server.name)
        configure(project, manager, tables(worker="python worker.py worker deaf", count=1))
        project.must(*host, "deploy")
        deaf = live(server)
        (pid,) = (pid for pid, each in running(server).items() if each == f"worker 1 of {deaf}")
        configure(project, manager, tables(count=1))
        project.commit("after the deaf one")
        project.must(*host, "deploy")
        assert pid in running(server)
        until(lambda: pid not in running(server), 15)
        settled(server, live(server), workers=1)
        assert twice(server) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("manager", ["supervisor"], indirect=True)
class TestSupervisor:
    def test_a_shutdown_asks_all_processes_at_once(self, server: Server, project: Project, manager: str) -> None:
        """supervisor itself stops one after the other, and systemd would kill the last ones before their stop_timeout."""
        configure(project, manager, tables(worker="python worker.py worker slow", count=4))
        project.must("-H", server.name, "deploy")
        settled(server, live(server), workers=4)
        assert server.run("systemctl show --value -p NeedDaemonReload supervisor").stdout == "no\n"
        server.run("systemctl stop supervisor")
        assert server.run("cat /srv/hello/shared/stops").stdout.split() == ["asked"] * 4 + ["ended"] * 4
        server.run("systemctl start supervisor")
        serves(server)
        settled(server, live(server), workers=4)
        assert killed(server) == []

    def test_a_killed_supervisord_leaves_nothing_beside_the_next_one(self, server: Server, project: Project, manager: str) -> None:
        configure(project, manager)
        project.must("-H", server.name, "deploy")
        release = assert_consistent(server)
        settled(server, release)

        def web() -> set[str]:
            return set(server.run("pgrep -u hello -f '[g]unicorn'", check=False).stdout.split())

        before = {*web(), *running(server)}
        server.run("pkill -9 -x supervisord; sleep 0.5; systemctl restart supervisor")
        until(lambda: not before & {*web(), *running(server)} and len(web()) == len(before) - 3, 30)
        assert assert_consistent(server) == release
        serves(server)
        settled(server, release)
        assert "supervisor has lost the process" in server.run(f"cat /var/log/hello/{release}.log").stdout
        assert twice(server) == ""

    def test_a_deploy_after_supervisord_was_killed_lets_the_scheduler_end(
        self, server: Server, project: Project, manager: str
    ) -> None:
        """Its job takes longer than the deploy. Only then that of the new release starts."""
        text = tables(beat="python worker.py beat alone slow=30").replace("stop_timeout = 4", "stop_timeout = 60")
        configure(project, manager, text)
        project.must("-H", server.name, "deploy")
        settled(server, live(server))
        server.run("rm -f /srv/hello/shared/stops")
        project.commit("while the scheduler is an orphan")
        configure(project, manager)
        server.run("pkill -9 -x supervisord; systemctl restart supervisor")
        project.must("-H", server.name, "deploy")
        settled(server, live(server))
        stops = server.run("cat /srv/hello/shared/stops").stdout.split()
        assert stops.count("asked") == stops.count("ended") >= 1
        assert twice(server) == ""

    def test_a_drain_whose_supervisord_is_killed_lets_all_jobs_end(self, server: Server, project: Project, manager: str) -> None:
        configure(project, manager, tables("python worker.py worker slow"))
        project.must("-H", server.name, "deploy")
        settled(server, live(server))
        server.run("rm -f /srv/hello/shared/stops")
        project.commit("before supervisord is killed")
        process = project.start("-H", server.name, "deploy")
        until(lambda: "asked" in server.run("cat /srv/hello/shared/stops", check=False).stdout, 120)
        server.run("pkill -9 -x supervisord; systemctl restart supervisor")
        process.wait(60)
        settled(server, live(server))
        drained(server)
        stops = server.run("cat /srv/hello/shared/stops").stdout.split()
        assert stops.count("asked") == stops.count("ended") >= 2
        assert twice(server) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("manager", ["systemd", "supervisor"], indirect=True)
class TestInterruptions:
    """Whatever ends a run while the processes change over: no scheduler runs twice, and the next deploy needs no repair."""

    @pytest.mark.parametrize("end", ["kill", "power"])
    def test_the_changeover_is_cut(self, server: Server, project: Project, manager: str, end: str) -> None:
        host = ("-H", server.name)
        configure(project, manager, settle=6.0)
        commit = project.commit(f"cut by {end}")
        process = project.start(*host, "deploy")
        until(lambda: any(each.startswith(f"beat of {commit[:12]}") for each in kinds(server)), 120)
        if end == "power":
            server.kill()
        else:
            server.run(
                "for own in /proc/[0-9]*; do if ls -l $own/fd 2>/dev/null | grep -q /run/selvedge/hello.step; then "
                "pkill -9 -s $(ps -o sid= -p ${own#/proc/}); fi; done"
            )
        assert process.wait(60) in (1, 4)
        if end == "power":
            server.boot()
            serves(server)
            settled(server, live(server))
        configure(project, manager)
        project.must(*host, "deploy", "--wait", "60")
        release = assert_consistent(server)
        assert release.startswith(commit[:12])
        settled(server, release)
        assert twice(server) == ""
        assert "nothing to change" in project.must(*host, "deploy").stdout

    def test_the_manager_changes_and_the_app_is_removed(self, server: Server, project: Project, manager: str) -> None:
        host = ("-H", server.name)
        configure(project, "supervisor" if manager == "systemd" else "systemd")
        project.must(*host, "deploy")
        settled(server, assert_consistent(server))
        project.configure("", **QUICK | {"manager": manager})
        project.must(*host, "deploy")
        assert_consistent(server)
        until(lambda: kinds(server) == [], 20)
        configure(project, manager)
        project.must(*host, "deploy")
        project.must(*host, "remove", "--yes")
        assert kinds(server) == []
        left = server.run("ls /etc/systemd/system /etc/supervisor/conf.d | grep '@' || true").stdout
        assert not [line for line in left.splitlines() if line.startswith("hello.")]
        assert twice(server) == ""
