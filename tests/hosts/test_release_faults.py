"""Whatever is wrong with a release, the old one serves every request, and the message names the cause."""

from __future__ import annotations

import base64
import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drills import GENTLE, HEALTH, QUICK, assert_whole, at_start, insert, live, serves
from lab import Lab, Project, Result, until
from observe import count_execs
from sandbox import Server
from traffic import get, load

SLOW = """
import asyncio

async def copy(reader, writer, seconds):
    while data := await reader.read(65536):
        await asyncio.sleep(seconds)
        writer.write(data)
        await writer.drain()
    writer.close()

async def relay(reader, writer):
    there, to = await asyncio.open_connection("127.0.0.1", 9418)
    await asyncio.gather(copy(reader, to, 0.3), copy(there, writer, 0))

async def main():
    await (await asyncio.start_server(relay, "127.0.0.1", 9419)).serve_forever()

asyncio.run(main())
"""
"""A relay to the git server, through which each question takes its time."""
TIMER = "import os, threading; threading.Timer(2, os._exit, [7]).start()"


@pytest.fixture(scope="class")
def server(lab: Lab) -> Server:
    return lab.server("deployed")


@pytest.fixture(scope="class")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for the drills of a class, with short waits."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.configure(**QUICK)
    return project


@pytest.fixture
def branch(project: Project) -> Iterator[str]:
    """A branch for one drill; what is committed there is gone afterwards."""
    project.git("checkout", "--quiet", "-B", "drill", "main")
    yield "drill"
    project.git("checkout", "--quiet", "--force", "main")
    project.configure(**QUICK)


def first_line(text: str) -> Callable[[Path], object]:
    return insert('"""A small FastAPI app', f"{text}\n")


def last_line(text: str) -> Callable[[Path], object]:
    def change(app: Path) -> None:
        with (app / "main.py").open("a") as main:
            main.write(f"\n{text}\n")

    return change


def setting(line: str) -> Callable[[Path], object]:
    def change(app: Path) -> None:
        file = app / "settings.py"
        file.write_text(file.read_text().replace("    greeting: str", f"    {line}\n    greeting: str", 1))

    return change


def requirement(line: str) -> Callable[[Path], object]:
    def change(app: Path) -> None:
        with (app / "requirements.txt").open("a") as file:
            file.write(f"{line}\n")

    return change


def nothing(app: Path) -> None:
    (app / "README.md").write_text("Another commit.\n")


BREAKAGES: dict[str, tuple[Callable[[Path], object], dict[str, object], list[str]]] = {
    "syntax error": (first_line("def broken(:"), {}, ["SyntaxError", "main.py", "line 1"]),
    "import that ends the process": (first_line("raise SystemExit(3)"), {}, ["the app ends itself while it is imported"]),
    "health redirects": (
        insert(HEALTH, "    from fastapi.responses import RedirectResponse\n    return RedirectResponse('/')\n"),
        {"health_status": ["200-299"], "health_attempts": 5},
        ["answered 307", "accepted: 200-299"],
    ),
    "missing module": (first_line("import nosuchmodule"), {}, ["No module named 'nosuchmodule'"]),
    "import that hangs": (
        first_line("import time; time.sleep(600)"),
        {"health_attempts": 4},
        ["importing main:app did not end within 15 seconds"],
    ),
    "attribute missing": (last_line("application = app\ndel app"), {}, ["the module main has no attribute app"]),
    "no ASGI app": (last_line("app = 'not an app'"), {}, ["main:app is no ASGI app"]),
    "lifespan raises": (at_start("raise RuntimeError('no warehouse')"), {}, ["start-up code (its lifespan) failed"]),
    "health 500": (
        insert(HEALTH, "    raise RuntimeError('ill')\n"),
        {"health_attempts": 12},
        ["GET /health (Host: localhost)", "answered 500", "accepted: 200-399"],
    ),
    "health too slow": (
        insert(HEALTH, "    import time; time.sleep(5)\n"),
        {"health_attempts": 5, "health_timeout": 1.0},
        ["no answer to GET /health (Host: localhost)", "within 1.0 s, in 5 attempts"],
    ),
    "crash after two seconds": (at_start(TIMER), {"settle": 4.0}, ["died within 4.0 s after the switch"]),
    "ends itself": (at_start("import os; os._exit(9)"), {}, ["processes of the new release ended", "times while it started"]),
    "missing variable": (
        setting("payment_key: str\n    retries: int = 3"),
        {"env_file": "production.env", "migrate": None},
        ["payment_key (missing)", "retries (int_parsing)", "app.env_file"],
    ),
    "failing migration": (
        nothing,
        {"migrate": "echo changing tables; exit 9"},
        ["the migration failed (exit status 9): echo changing tables; exit 9", "may be changed in part"],
    ),
    "migration that hangs": (
        nothing,
        {"migrate": "echo waiting; sleep 9999", "migrate_timeout": 3},
        ["the migration was ended after 3 s (app.migrate_timeout): echo waiting; sleep 9999", "may be changed in part"],
    ),
    "unbuildable requirement": (
        requirement("nosuchpkg-selvedge-drill==9.9"),
        {},
        ["requirements.txt cannot be installed", "nosuchpkg-selvedge-drill"],
    ),
    "start that takes longer than the gate waits": (
        at_start("import asyncio; await asyncio.sleep(600)"),
        {"health_attempts": 3, "health_timeout": 1.0, "stop_timeout": 1},
        ["no answer to GET /health (Host: localhost)", "within 1.0 s, in 3 attempts"],
    ),
    "hook before the build": (
        nothing,
        {"hooks": 'before_build = "exit 3"'},
        ["hook before_build failed (exit status 3)"],
    ),
    "hook before the switch": (nothing, {"hooks": 'before_switch = "exit 3"'}, ["hook before_switch failed (exit status 3)"]),
}


def refuse(server: Server, project: Project, name: str, **more: object) -> None:
    """Release something that is broken under load, and see that it is refused and nobody notices."""
    change, settings, sentences = BREAKAGES[name]
    (project.folder / "production.env").write_text("RETRIES=canary-value\n")
    own = dict(settings)
    hooks = own.pop("hooks", "")
    project.configure(f"[hooks]\n{hooks}\n", branch="drill", **QUICK | own | more)
    old = assert_whole(server)
    project.commit(change)
    with load(f"{server.url}/health", 200, GENTLE) as traffic:
        result = project.fab("-H", server.name, "deploy")
    assert result.status == 1, result
    for sentence in sentences:
        assert sentence in result.stderr, result
    assert "Traceback" not in result.stderr
    assert "canary-value" not in result.stdout + result.stderr
    if name == "missing variable":
        assert "Starting gunicorn" not in result.stdout, "the settings are loaded before anything starts"
    # A process that dies takes the answer with it that it was giving; nobody else can end it.
    assert traffic.lost <= (1 if name == "crash after two seconds" else 0), traffic
    assert traffic.requests > 20 and traffic.wrk_requests > 20
    assert traffic.releases[0] == old
    assert assert_whole(server) == old
    built = name not in ("unbuildable requirement", "hook before the build")
    assert not built or f"The old release {old} still serves" in result.stderr, result


@pytest.mark.usefixtures("branch")
class TestBrokenReleases:
    @pytest.mark.parametrize("name", BREAKAGES)
    def test_old_release_serves_every_request(self, server: Server, project: Project, name: str) -> None:
        refuse(server, project, name)

    def test_refused_releases_leave_one_for_study(self, server: Server, project: Project) -> None:
        listed = project.must("-H", server.name, "releases", "--json").stdout
        assert listed.count('"bad"') == 1, listed
        folders = server.run("ls /srv/hello/releases /srv/hello/instances").stdout
        assert len(re.findall(r"^[0-9a-f]{12}$", folders, re.MULTILINE)) <= 3, folders


@pytest.mark.usefixtures("branch")
class TestBrokenReleasesUnderSystemd:
    """Those in which the process manager has a part; and its own files."""

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def switched(server: Server, project: Project) -> None:
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        assert_whole(server)

    @pytest.mark.parametrize(
        "name", ["import that hangs", "lifespan raises", "health too slow", "crash after two seconds", "ends itself"]
    )
    def test_old_release_serves_every_request(self, server: Server, project: Project, name: str) -> None:
        refuse(server, project, name, manager="systemd")

    def test_power_cut_while_the_new_release_starts(self, server: Server, project: Project) -> None:
        project.configure(branch="drill", manager="systemd", **QUICK)
        old = assert_whole(server)
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(3)"))
        process = project.start("-H", server.name, "deploy")
        until(lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout, 120)
        server.kill()
        assert process.wait(60) == 4
        with _asked_while_it_boots(server) as seen:
            server.boot()
            serves(server)
        assert set(seen) == {200} and len(seen) > 10, seen
        assert live(server) == old
        assert running(server) == [old], "one that nobody has judged does not start at a boot"
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(commit[:12])

    def test_units_that_were_edited_are_written_again(self, server: Server, project: Project) -> None:
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        instance = assert_whole(server)
        unit = f"/etc/systemd/system/hello.{instance}.service"
        edits = (f"sed -i 's/^TasksMax=.*/TasksMax=7/' {unit}", f"systemctl -q disable hello.{instance}.service")
        for edit in edits:
            written_again(server, project, edit)
        assert server.run(f"systemctl is-enabled hello.{instance}.service").stdout == "enabled\n"
        assert "TasksMax=7\n" in server.run(f"cat /var/backups/selvedge{unit}.*").stdout

    def test_a_boot_answers_no_request_with_an_error(self, server: Server, project: Project) -> None:
        """systemd listens before nginx does: what comes too early waits."""
        project.configure(manager="systemd", **QUICK)
        project.must("-H", server.name, "deploy")
        instance = assert_whole(server)
        server.poweroff()
        with _asked_while_it_boots(server) as seen:
            server.boot()
            serves(server)
        assert set(seen) == {200} and len(seen) > 10, seen
        assert assert_whole(server) == instance


@contextlib.contextmanager
def _asked_while_it_boots(server: Server) -> Iterator[list[int]]:
    """The status of each answer while the block runs, and three seconds longer; until nginx listens there is none."""
    seen: list[int] = []
    stop = threading.Event()
    asking = threading.Thread(target=_ask_while_it_boots, args=(server, seen, stop))
    asking.start()
    try:
        yield seen
        time.sleep(3)
    finally:
        stop.set()
        asking.join(30)


def _ask_while_it_boots(server: Server, seen: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.02):
        with contextlib.suppress(OSError):
            seen.append(get(f"{server.url}/health", timeout=10).status)


def written_again(server: Server, project: Project, edit: str) -> None:
    """After an edit of the manager's files, a deploy writes them again, and nothing is started anew."""
    processes = "ss -xlpH | grep -F /run/hello/ | grep -o 'pid=[0-9]*' | sort"
    before = server.run(processes).stdout
    server.run(edit)
    result = project.must("-H", server.name, "deploy")
    assert f"write again what starts {live(server)} at a boot" in result.stdout, result
    assert server.run(processes).stdout == before
    assert "nothing to change" in project.must("-H", server.name, "deploy").stdout


class TestHardCases:
    """Sockets that are taken, processes that do not stop, too little memory, strategies, edited files."""

    def test_socket_path_that_is_taken(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, **QUICK)
        commit = project.commit(nothing)
        project.must("-H", server.name, "clone", "venv", "gunicorn")
        made = server.run(f"ls /srv/hello/instances | grep ^{commit[:12]}").stdout.strip()
        server.run(f"echo taken >/run/hello/{made}.sock")
        old = assert_whole(server)
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and f"/run/hello/{made}.sock is no socket (regular file, of root)" in result.stderr, result
        assert traffic.lost == 0, traffic
        assert server.run(f"cat /run/hello/{made}.sock && rm /run/hello/{made}.sock").stdout == "taken\n"
        assert assert_whole(server) == old
        project.must("-H", server.name, "deploy")
        assert assert_whole(server) == made

    def test_the_app_says_why_in_the_last_lines_of_its_log(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, **QUICK)
        project.commit(at_start("raise RuntimeError('no warehouse')"))
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "RuntimeError: no warehouse" in result.stdout, result

    def test_old_release_that_ignores_the_signal_is_ended(self, server: Server, project: Project, branch: str) -> None:
        """A request of minutes in a thread, and a handler of its own: the new release serves, the old one is killed in time."""
        project.configure(branch=branch, **QUICK | {"stop_timeout": 2})

        def deaf(app: Path) -> None:
            insert('@app.get("/client")', '@app.get("/hang")\ndef hang():\n    import time; time.sleep(150)\n\n\n')(app)
            at_start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")(app)

        project.commit(deaf)
        project.must("-H", server.name, "deploy")
        server.run("(curl -s -o /dev/null -m 160 http://127.0.0.1/hang &) >/dev/null 2>&1; sleep 0.3")
        commit = project.commit(nothing)
        with load(f"{server.url}/health", 200, GENTLE) as traffic:
            result = project.must("-H", server.name, "deploy")
        assert result.seconds < 100
        assert traffic.lost == 0, traffic
        assert assert_whole(server).startswith(commit[:12])

    def test_strategy_restart_brings_the_old_release_back(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, strategy="restart", **QUICK)
        commit = project.commit("One at a time")
        result = project.must("-H", server.name, "deploy")
        assert "the old release stops first, and requests fail until the new one is up" in result.stdout
        old = assert_whole(server)
        assert old.startswith(commit[:12])
        project.commit(at_start("raise RuntimeError('no warehouse')"))
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and f"The old release {old} serves again" in result.stderr, result
        assert assert_whole(server) == old
        # The old one has stopped by the time that supervisor is asked.
        server.run("printf '[program:zz]\\n' >/etc/supervisor/conf.d/zz.conf")
        result = project.fab("-H", server.name, "deploy")
        server.run("rm /etc/supervisor/conf.d/zz.conf")
        assert result.status == 1 and "supervisor cannot read its configuration" in result.stderr, result
        assert f"The old release {old} serves again" in result.stderr, result
        assert assert_whole(server) == old

    def test_site_that_does_not_answer_with_the_new_release(self, server: Server, project: Project, branch: str) -> None:
        """The third layer: the release is healthy, what is before it is not."""
        project.configure(branch=branch, **QUICK)
        project.must("-H", server.name, "deploy")
        project.commit("Never seen through nginx")
        old = assert_whole(server)
        site = "/etc/nginx/snippets/hello.conf"
        server.run(f"cp {site} /root/site")
        try:
            for status, answered in ((503, "answered 503, "), (200, "answered 200, ")):
                server.run(f"{{ cat /root/site; echo 'location = /health {{ return {status}; }}'; }} >{site} && nginx -s reload")
                until(lambda wanted=status: _site_says(server) == (wanted, None), 20)
                result = project.fab("-H", server.name, "deploy")
                assert result.status == 1 and live(server) == old, result
                assert "after the switch GET http://localhost/health through nginx" in result.stderr, result
                assert f"{answered}and not with the new release. The old release {old} still serves" in result.stderr, result
        finally:
            server.run(f"mv /root/site {site} && nginx -s reload")
        until(lambda: get(f"{server.url}/health").headers["X-Release"] == old, 20)
        assert assert_whole(server) == old

    def test_too_little_memory_for_two(self, server: Server, project: Project, branch: str) -> None:
        project.configure(branch=branch, migrate="touch /srv/hello/shared/migrated", **QUICK)
        project.commit("Two at a time")
        old = assert_whole(server)
        server.run("sed 's/^\\(MemAvailable\\|SwapFree\\): .*/\\1: 3072 kB/' /proc/meminfo >/run/meminfo")
        server.run("mount --bind /run/meminfo /proc/meminfo")
        try:
            result = project.fab("-H", server.name, "deploy")
        finally:
            server.run("umount /proc/meminfo")
        assert result.status == 1 and 'app.strategy = "restart"' in result.stderr, result
        assert re.search(r"6 MB are free, and the one that runs uses \d\d+ MB", result.stderr), result
        assert assert_whole(server) == old
        assert server.run("ls /srv/hello/shared/migrated", check=False).returncode != 0, "the database is as it was"

    def test_program_file_that_was_edited_or_removed_is_written_again(self, server: Server, project: Project) -> None:
        """Foreign files beside it stay."""
        project.configure(**QUICK)
        project.must("-H", server.name, "deploy")
        assert_whole(server)
        file = "/etc/supervisor/conf.d/hello.conf"
        server.run("printf '[program:other]\\ncommand=/bin/sleep 1000\\n' >/etc/supervisor/conf.d/other.conf")
        for edit in (f"rm {file}", f"sed -i 's/^autostart=.*/autostart=false/' {file}"):
            written_again(server, project, edit)
        assert "sleep 1000" in server.run("cat /etc/supervisor/conf.d/other.conf").stdout
        assert "autostart=false" in server.run(f"cat /var/backups/selvedge{file}.*").stdout

    def test_old_release_ends_though_its_program_file_was_removed(self, server: Server, project: Project) -> None:
        """Supervisor still has the program, and would start it again."""
        commit = project.commit("Without a file")
        server.run("rm /etc/supervisor/conf.d/hello.conf")
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            project.must("-H", server.name, "deploy")
        assert traffic.lost == 0, traffic
        assert assert_whole(server).startswith(commit[:12])

    def test_hook_behind_the_switch_that_fails_leaves_the_live_release_whole(self, server: Server, project: Project) -> None:
        project.configure('[hooks]\nafter_switch = "exit 3"\n', **QUICK)
        commit = project.commit("Announced by nobody")
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "hook after_switch failed" in result.stderr, result
        assert assert_whole(server).startswith(commit[:12])
        server.reboot()
        serves(server)
        assert assert_whole(server).startswith(commit[:12])
        project.configure(**QUICK)
        project.must("-H", server.name, "restart")
        newer = project.commit("Announced")
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(newer[:12])


class TestFaultsOfTheServer:
    """The disk, other sites, and power."""

    def test_disk_that_is_nearly_full(self, server: Server, project: Project) -> None:
        old = assert_whole(server)
        project.commit("More than fits")
        with _small_disk(server, "size=%(used)dk"):
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and "too little space on the server" in result.stderr, result
            assert "Make room" in result.stderr
            assert assert_whole(server) == old
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(project.head[:12])

    def test_disk_that_fills_up_in_the_middle(self, server: Server, project: Project) -> None:
        """So few inodes that the environment of a new requirement does not fit, though it may begin."""
        old = assert_whole(server)
        project.commit(requirement("python-multipart"))
        with _small_disk(server, "size=%(used)dk,nr_inodes=%(inodes)d", kilobytes=600_000, inodes=2400):
            with load(f"{server.url}/health", 200, GENTLE) as traffic:
                result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and re.search("[Nn]o space left on device", result.stderr), result
            assert traffic.lost == 0, traffic
            assert assert_whole(server) == old
            assert server.run("ls /srv/hello/venvs").stdout.count("\n") == 2, "the half-built environment is gone"
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(project.head[:12])

    def test_migration_that_fills_the_disk(self, server: Server, project: Project) -> None:
        old = assert_whole(server)
        project.configure(**QUICK | {"migrate": "cat /dev/zero >/srv/hello/shared/filler"})
        project.commit("Fills the disk")
        files = "find /etc -xdev -type f -size 0 | sort"
        empty = server.run(files).stdout
        with _small_disk(server, "size=%(used)dk", kilobytes=200_000):
            with load(f"{server.url}/health", 100, GENTLE) as traffic:
                result = project.fab("-H", server.name, "deploy")
            assert int(server.run("df --output=avail /srv/hello | tail -n 1").stdout) < 100, result
            assert result.status == 1 and "the migration failed (exit status 1): cat /dev/zero" in result.stderr, result
            assert "No space left on device" in result.stdout, result
            assert traffic.lost == 0, traffic
            assert assert_whole(server) == old
        assert server.run(files).stdout == empty, "no file was cut off"
        assert assert_whole(server) == old
        project.configure(**QUICK)

    def test_read_only_file_system(self, server: Server, project: Project) -> None:
        old = assert_whole(server)
        project.commit("Nowhere to write")
        server.run("mount --bind /srv /srv && mount -o remount,bind,ro /srv")
        try:
            result = project.fab("-H", server.name, "deploy")
        finally:
            server.run("umount /srv")
        assert result.status == 1 and "ead-only file system" in result.stderr, result
        assert assert_whole(server) == old
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(project.head[:12])

    def test_broken_file_of_another_site(self, server: Server, project: Project) -> None:
        other = "/etc/nginx/sites-enabled/zz-other"
        server.run(f"printf 'server {{ broken }}\\n' >{other}")
        try:
            with load(f"{server.url}/health", 100, GENTLE) as traffic:
                commit = project.commit("Goes out all the same")
                project.must("-H", server.name, "deploy")
                assert assert_whole(server).startswith(commit[:12])
                project.configure('[nginx]\nmax_body = "11m"\n', **QUICK)
                site = server.run("cat /etc/nginx/snippets/hello.conf").stdout
                result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and other in result.stderr and "before anything was changed" in result.stderr, result
            assert traffic.lost == 0, traffic
            assert server.run("cat /etc/nginx/snippets/hello.conf").stdout == site
            assert server.run(f"cat {other}").stdout == "server { broken }\n"
        finally:
            server.run(f"rm {other}")
        project.must("-H", server.name, "deploy")
        assert "11m" in server.run("cat /etc/nginx/snippets/hello.conf").stdout
        project.configure(**QUICK)
        project.must("-H", server.name, "deploy")

    def test_power_cut_while_the_new_release_starts(self, server: Server, project: Project) -> None:
        old = assert_whole(server)
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(3)"))
        process = project.start("-H", server.name, "deploy")
        until(lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout, 120)
        server.kill()
        assert process.wait(60) == 4
        server.boot()
        serves(server)
        assert live(server) == old
        assert {get(f"{server.url}/health").headers["X-Release"] for _ in range(20)} == {old}
        assert running(server) == [old], "one that nobody has judged does not start at a boot"
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(commit[:12])

    def test_power_cut_while_the_new_release_settles(self, server: Server, project: Project) -> None:
        project.configure(**QUICK | {"settle": 20.0})
        commit = project.commit("Live, but not proved")
        process = project.start("-H", server.name, "deploy")
        until(lambda: live(server).startswith(commit[:12]), 120)
        server.kill()
        assert process.wait(60) == 4
        server.boot()
        serves(server)
        new = live(server)
        assert new.startswith(commit[:12])
        assert {get(f"{server.url}/health").headers["X-Release"] for _ in range(20)} == {new}
        assert running(server) == [new]
        project.configure(**QUICK)
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            project.must("-H", server.name, "deploy")
        assert traffic.lost == 0, "what serves already is not started again"
        assert assert_whole(server) == new
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout

    def test_step_that_is_killed_while_the_new_release_settles(self, server: Server, project: Project) -> None:
        """Both run then: the one that has proved itself gets the traffic back until the other one has, too."""
        old = assert_whole(server)
        project.configure(**QUICK | {"settle": 30.0})
        commit = project.commit("Live, but nobody looks at it any more")
        process = project.start("-H", server.name, "deploy")
        until(lambda: live(server).startswith(commit[:12]), 120)
        server.run(
            "for own in /proc/[0-9]*; do if ls -l $own/fd 2>/dev/null | grep -q /run/selvedge/hello.step; then "
            "pkill -9 -s $(ps -o sid= -p ${own#/proc/}); fi; done"
        )
        assert process.wait(60) in (1, 4)
        new = live(server)
        assert running(server) == sorted([old, new])
        project.configure(**QUICK)
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            result = project.must("-H", server.name, "deploy")
        assert f"killed before {new} had proved itself: back to {old}" in result.stdout, result
        assert traffic.lost == 0, traffic
        assert assert_whole(server) == new

    def test_reboot_in_the_middle(self, server: Server, project: Project) -> None:
        old = assert_whole(server)
        commit = project.commit(at_start("import asyncio; await asyncio.sleep(2)"))
        process = project.start("-H", server.name, "deploy")
        until(lambda: f"/run/hello/{commit[:12]}" in server.run("ss -xlH").stdout, 120)
        server.reboot()
        assert process.wait(60) in (1, 4)
        serves(server)
        release = live(server)
        assert release == old or release.startswith(commit[:12])
        assert {get(f"{server.url}/health").headers["X-Release"] for _ in range(20)} == {release}
        assert running(server) == [release]
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(commit[:12])


def _site_says(server: Server) -> tuple[int, str | None]:
    answer = get(f"{server.url}/health")
    return answer.status, answer.headers["X-Release"]


def running(server: Server) -> list[str]:
    """The instances that listen."""
    return server.run("ss -xlH | grep -o '/run/hello/[^ ]*\\.sock' | sed 's#.*/##; s#\\.sock##' | sort").stdout.split()


class _small_disk:
    """/srv/hello on a memory disk of its own, with what stands there now and so much room more."""

    def __init__(self, server: Server, options: str, kilobytes: int = 8192, inodes: int = 100) -> None:
        self.server, self.options, self.kilobytes, self.inodes = server, options, kilobytes, inodes

    def __enter__(self) -> None:
        used = int(self.server.run("du -sk /srv/hello").stdout.split()[0]) * 5 // 4 + self.kilobytes
        inodes = int(self.server.run("find /srv/hello | wc -l").stdout) + self.inodes
        options = self.options % {"used": used, "inodes": inodes}
        self.server.run(
            f"mkdir -p /mnt/small && mount -t tmpfs -o mode=0711,{options} tmpfs /mnt/small && cp -a /srv/hello/. /mnt/small/"
            " && mount --bind /mnt/small /srv/hello && umount /mnt/small"
        )

    def __exit__(self, *_: object) -> None:
        self.server.run("umount -l /srv/hello")


class TestSources:
    """Repositories that the server fetches from: over git, HTTP and SSH, from programs of its own."""

    @pytest.fixture(scope="class")
    @staticmethod
    def publish(server: Server, project: Project) -> Callable[[], None]:
        server.run(
            "useradd --create-home --shell /usr/bin/git-shell git && cd /home/git"
            " && runuser -u git -- git init -q --bare app.git && runuser -u git -- mkdir -m 0700 .ssh"
            " && systemd-run -q --unit=git-daemon --uid=git"
            " git daemon --base-path=/home/git --export-all --listen=127.0.0.1 /home/git"
            " && systemd-run -q --unit=git-http --uid=git --working-directory=/home/git"
            " python3 -m http.server --bind 127.0.0.1 8081"
        )

        def push() -> None:
            """What the project's repository holds, and nothing else, becomes what is published."""
            bundle = project.folder.parent / "bundle"
            project.git("bundle", "create", "--quiet", str(bundle), "--all")
            data = base64.b64encode(bundle.read_bytes()).decode()
            server.run(
                f"cd /home/git && echo {data} | base64 -d >app.bundle && chown git: app.bundle && runuser -u git -- "
                "git --git-dir=app.git fetch -q --prune --force app.bundle '+refs/*:refs/*' && "
                "runuser -u git -- git --git-dir=app.git symbolic-ref HEAD refs/heads/main && "
                "runuser -u git -- git --git-dir=app.git update-server-info"
            )

        push()
        return push

    def test_fetched_over_the_git_protocol_and_http(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        for url in ("git://127.0.0.1/app.git", "http://127.0.0.1:8081/app.git"):
            commit = project.commit(f"From {url[:4]}")
            publish()
            project.configure(repository=url, **QUICK)
            result = project.must("-H", server.name, "deploy")
            assert f"fetch {commit[:12]} from {url}" in result.stdout
            assert assert_whole(server).startswith(commit[:12])
            with count_execs(server) as execs:
                assert "deploy: nothing to change" in project.must("-H", server.name, "setup", "deploy").stdout
            assert execs.count == 2, "one asks for the commit, one reads the server"

    def test_branches_that_were_force_pushed_or_deleted_tags_and_short_names(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        project.configure(repository="git://127.0.0.1/app.git", branch="moving", **QUICK)
        project.git("checkout", "--quiet", "-b", "moving")
        project.commit("Before the force-push")
        publish()
        project.must("-H", server.name, "deploy")
        before = assert_whole(server)
        project.git("reset", "--quiet", "--hard", "main")
        forced = project.commit("After the force-push")
        publish()
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(forced[:12])
        project.must("-H", server.name, "rollback")
        assert assert_whole(server) == before, "the commit that no branch has any more is kept with its release"
        project.git("checkout", "--quiet", "main")
        project.git("branch", "--quiet", "-D", "moving")
        tagged = project.commit("Tagged")
        project.git("tag", "-a", "-m", "a tag with a note", "v1.0")
        publish()
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "has no branch or tag moving" in result.stderr, result
        assert assert_whole(server) == before
        project.must("-H", server.name, "deploy", "--commit", "v1.0")
        assert assert_whole(server).startswith(tagged[:12])
        newest = project.commit("By a short name")
        publish()
        project.must("-H", server.name, "deploy", "--commit", newest[:8])
        assert assert_whole(server).startswith(newest[:12])
        result = project.fab("-H", server.name, "deploy", "--commit", "v9.9")
        assert result.status == 1 and "has no branch or tag v9.9" in result.stderr, result

    @pytest.mark.usefixtures("publish")
    def test_repository_that_is_not_there(self, server: Server, project: Project) -> None:
        old = assert_whole(server)
        for url in ("git://127.0.0.1/none.git", "http://127.0.0.1:8081/none.git", "git://127.0.0.1:9/app.git"):
            project.configure(repository=url, **QUICK)
            result = project.fab("-H", server.name, "deploy")
            assert result.status == 1 and f"the repository {url} refuses" in result.stderr, result
            assert "Check app.repository" in result.stderr
            assert result.seconds < 30
        assert assert_whole(server) == old

    def test_private_repository_by_ssh_with_the_servers_own_key(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        commit = project.commit("Private")
        publish()
        project.configure(repository="git@127.0.0.1:app.git", **QUICK)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "Deploy keys" in result.stderr, result
        key = re.search(r"^ssh-ed25519 \S+ hello@\S+$", result.stderr, re.MULTILINE)
        assert key, result
        server.run(f"echo '{key[0]}' >>/home/git/.ssh/authorized_keys && chown git: /home/git/.ssh/authorized_keys")
        result = project.must("-H", server.name, "deploy")
        assert "fetch" in result.stdout
        assert assert_whole(server).startswith(commit[:12])
        assert "nothing to change" in project.must("-H", server.name, "deploy").stdout
        self.host_key_of_the_git_server(server, project, publish)

    def host_key_of_the_git_server(self, server: Server, project: Project, publish: Callable[[], None]) -> None:
        """As the user's own machine knows it; another one than is known already is refused."""
        known, old = "/srv/hello/git_known_hosts", assert_whole(server)
        own = project.home / ".ssh/known_hosts"
        own.parent.mkdir(exist_ok=True)

        def deploy_knowing(key: str) -> Result:
            server.run(f"rm -f {known}")
            own.write_text(f"127.0.0.1 {key}\n")
            result = project.fab("-H", server.name, "deploy")
            assert server.run(f"cat {known}").stdout == own.read_text()
            return result

        commit = project.commit("Behind another host key")
        publish()
        refused = deploy_knowing("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
        assert refused.status == 1 and "THE HOST KEY OF THE GIT SERVER 127.0.0.1 HAS CHANGED" in refused.stderr, refused
        assert assert_whole(server) == old
        again = project.fab("-H", server.name, "deploy", "--dry-run")
        assert again.status == 1 and "HAS CHANGED: it shows SHA256:" in again.stderr, again
        done = deploy_knowing(" ".join(server.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[:2]))
        assert done.status == 0 and "take the host key of 127.0.0.1 from this machine's known_hosts" in done.stdout, done
        assert assert_whole(server).startswith(commit[:12])
        own.unlink()

    def test_submodules_and_a_folder_of_the_repository(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        """app.root, and a submodule whose relative address begins from the repository's own."""
        server.run(
            "cd /home/git && runuser -u git -- sh -c 'git init -q part && cd part && echo VALUE = 42 >part.py && git add . && "
            "git -c user.name=T -c user.email=t@example.com commit -q -m part && cd .. && git clone -q --bare part part.git'"
        )
        part = server.run("runuser -u git -- git --git-dir=/home/git/part.git rev-parse HEAD").stdout.strip()
        project.git("checkout", "--quiet", "-b", "folder")
        (project.app / "backend").mkdir()
        for name in {name.partition("/")[0] for name in project.git("ls-files").splitlines()}:
            project.git("mv", name, f"backend/{name}")
        main = project.app / "backend/main.py"
        check = "from part import part\n\nassert part.VALUE == 42\n"
        main.write_text(main.read_text().replace("HERE =", f"{check}HERE =", 1))
        (project.app / ".gitmodules").write_text('[submodule "part"]\n\tpath = backend/part\n\turl = ../part.git\n')
        project.git("add", ".gitmodules", "backend/main.py")
        project.git("update-index", "--add", "--cacheinfo", f"160000,{part},backend/part")
        project.git("commit", "--quiet", "-m", "In a folder, with a submodule")
        publish()
        project.configure(repository="git://127.0.0.1/app.git", branch="folder", root="backend", **QUICK)
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(project.head[:12])
        project.configure(repository="git://127.0.0.1/app.git", branch="folder", root="no/such", **QUICK)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "no/such" in result.stderr, result
        project.git("checkout", "--quiet", "--force", "main")

    @pytest.fixture(scope="class")
    @staticmethod
    def unanswered(server: Server, project: Project) -> subprocess.Popen[str]:
        """A run that asks a git server whose answers are all lost. It goes on while other tests run."""
        server.run("iptables -I INPUT -i lo -p tcp --dport 9420 -j DROP")
        project.configure(**QUICK)
        process = project.start("-H", server.name, "deploy", env={"SELVEDGE_APP__REPOSITORY": "git://127.0.0.1:9420/app.git"})
        until(lambda: ":9420" in server.run("ss -tnH state syn-sent").stdout, 30)
        return process

    @pytest.mark.usefixtures("branch", "unanswered")
    def test_large_repository_behind_a_slow_line(
        self, server: Server, project: Project, publish: Callable[[], None]
    ) -> None:
        """A thousand branches and a file of 10 MB; 300 ms until a question arrives."""
        commit = project.commit("With much beside it")
        publish()
        server.run(
            f"cat >/srv/slow.py <<'EOF'{SLOW}EOF\nsystemd-run -q --unit=slow --uid=nobody python3 /srv/slow.py\n"
            "cd /home/git/app.git && blob=$(head -c 10000000 /dev/urandom | runuser -u git -- git hash-object -w --stdin) && "
            "tree=$(printf '100644 blob %s\\tlarge\\n' $blob | runuser -u git -- git mktree) && "
            f"top=$(runuser -u git -- git -c user.name=T -c user.email=t@example.com commit-tree -m large -p {commit} $tree) && "
            'for number in $(seq 1000); do echo "create refs/heads/many/$number $top"; done | '
            "runuser -u git -- git update-ref --stdin"
        )
        project.configure(repository="git://127.0.0.1:9419/app.git", branch="drill", **QUICK)
        result = project.must("-H", server.name, "deploy")
        server.run("systemctl stop slow")
        assert result.seconds < 60, result
        assert assert_whole(server).startswith(commit[:12])
        assert int(server.run("git --git-dir=/srv/hello/repo.git for-each-ref | wc -l").stdout) > 1000

    @pytest.mark.usefixtures("branch")
    def test_files_in_git_lfs_need_its_program(self, server: Server, project: Project) -> None:
        old = assert_whole(server)

        def pointer(app: Path) -> None:
            (app / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
            (app / "model.bin").write_text(
                f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * 'a'}\nsize 12345\n"
            )

        project.configure(branch="drill", **QUICK)
        project.commit(pointer)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "install git-lfs on the server (apt-get install git-lfs)" in result.stderr, result
        assert assert_whole(server) == old

    @pytest.mark.usefixtures("publish")
    def test_files_in_git_lfs_come_with_the_release(self, server: Server, project: Project) -> None:
        """With git-lfs installed, whose filter Debian switches on for every checkout."""
        server.run(
            "apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq git-lfs >/dev/null 2>&1\n"
            "git clone -q --bare git://127.0.0.1/app.git /srv/lfs.git && git clone -q /srv/lfs.git /srv/work && cd /srv/work\n"
            "git lfs track '*.bin' >/dev/null\n"
            "head -c 100000 /dev/urandom >static/large.bin && git add -A && "
            "git -c user.name=T -c user.email=t@example.com commit -q -m large && git push -q origin HEAD:refs/heads/large"
        )
        project.configure(repository="file:///srv/lfs.git", branch="large", **QUICK)
        project.must("-H", server.name, "deploy")
        assert_whole(server)
        server.run("cmp /srv/work/static/large.bin /srv/hello/current/static/large.bin && [ ! -e /srv/hello/current/.git ]")

    def test_shallow_checkout_is_pushed(self, server: Server, project: Project, tmp_path: Path) -> None:
        """As a CI job has it: the last commit alone."""
        commit = project.commit("Shallow")
        project.git("clone", "--quiet", "--depth", "1", f"file://{project.app}", str(tmp_path / "shallow"))
        project.configure(repository=str(tmp_path / "shallow"), **QUICK)
        project.must("-H", server.name, "deploy")
        assert assert_whole(server).startswith(commit[:12])

    def test_git_server_that_loses_everything(self, server: Server, unanswered: subprocess.Popen[str]) -> None:
        """No packet comes back: the run ends in half a minute, and says what it asked whom for."""
        old = assert_whole(server)
        _, stderr = unanswered.communicate(timeout=40)
        sentence = "the repository git://127.0.0.1:9420/app.git refuses, asked for main: no answer within 30 seconds"
        assert unanswered.returncode == 1 and sentence in stderr, stderr
        assert assert_whole(server) == old
