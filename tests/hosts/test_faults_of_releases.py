"""Faults on the way from the repository to the live release: hooks, installers, databases, floods of output, links that were
planted, values that mean something to a shell, and what somebody has changed by hand."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from drills import GENTLE, QUICK, assert_whole, insert, live
from lab import Lab, Project
from sandbox import Server
from traffic import get, load

MIGRATION = '''"""Takes a lock."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("create table more (text varchar)")
'''
LOCKED = """
import sqlite3, time
connection = sqlite3.connect("/srv/hello/shared/hello.sqlite3", isolation_level=None)
connection.execute("begin immediate")
open("/srv/hello/shared/locked", "w")
time.sleep(120)
"""
HALF = """
import http.server

class Half(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"PK" + 1000 * b"x")

http.server.HTTPServer(("127.0.0.1", 8099), Half).serve_forever()
"""
BACKEND = """
def build_wheel(*_args, **_more):
    for _ in range(100_000):
        print(100 * "x")
    raise RuntimeError("no compiler for this machine")
"""
HOSTILE = {
    "H_NEWLINE": "two\nlines\n", "H_QUOTES": "'\"` '' \"\"", "H_DOLLAR": "$HOME ${HOME} $(id) `id` $$", "H_PERCENT": "1% %h %%s",
    "H_SEMICOLON": "; touch /tmp/pwned #",
    "H_BACKSLASH": "\\n \\\\ \\0 \\", "H_CJK": "\u6570\u636e\u5e93 \u5bc6\u7801",
    "H_SPACES": "  padded  ", "H_TAB": "a\tb", "H_EMPTY": "", "H_HASH": "#no comment", "H_EQUALS": "a=b=c", "H_BANG": "!x ^y ~z *",
    "H_RETURN": "a\rb", "H_PICTURE": "\U0001f9f5", "H_LONG": 5000 * "x", "H_SIGNS": "a&b|c<d>(e)[f]", "H_BELL": "a\x07\x1b[31mb",
}  # fmt: skip
ENVIRON = """@app.get("/environ")
def environ():
    import os
    return {name: value for name, value in os.environ.items() if name[:2] == "H_"}


"""
FLOOD = (
    "head -c 100000000 /dev/zero | tr '\\0' x; echo; head -c 20000000 /dev/zero | tr '\\0' y | fold -w 100; echo; "
    "printf '\\033[31mred\\000 \\377\\376 and the end\\n'; "
)


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return lab.server("deployed")


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(autouse=True)
def _branch(project: Project) -> Iterator[None]:
    """Each test has a branch of its own; what is committed there is gone afterwards."""
    project.git("checkout", "--quiet", "-B", "drill", "main")
    configure(project)
    yield
    project.git("checkout", "--quiet", "--force", "main")


def configure(project: Project, text: str = "", **app: object) -> None:
    project.configure(text, **QUICK | {"branch": "drill"} | app)


def releases(server: Server, project: Project) -> str:
    """Deploy, and see that it is whole. The instance that is live."""
    project.must("-H", server.name, "deploy")
    instance = assert_whole(server)
    assert instance.startswith(project.head[:12])
    return instance


def told(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.mark.parametrize("hook", ["after_build", "after_switch"])
def test_on_failure_knows_what_failed_and_what_was_live(server: Server, project: Project, hook: str) -> None:
    old = assert_whole(server)
    here, there = project.folder / "failure", "/srv/hello/shared/failure"
    configure(project, f'[hooks]\n{hook} = "exit 3"\non_failure = ["local: env >failure", "env >{there}"]\n')
    commit = project.commit(f"Fails in {hook}")
    result = project.fab("-H", server.name, "deploy")
    assert result.status == 1 and f"hook {hook} failed" in result.stderr, result
    for environment in (told(here.read_text()), told(server.run(f"cat {there}").stdout)):
        assert environment["PREVIOUS"] == old and environment["HOST"] == server.name
        assert environment["COMMIT"] == commit and environment["RELEASE"].startswith(f"{commit[:12]}-")
        assert f"hook {hook} failed" in environment["ERROR"]
    assert (assert_whole(server) == old) is (hook == "after_build")


def test_migration_that_waits_for_a_lock(server: Server, project: Project) -> None:
    old = assert_whole(server)
    project.commit(lambda app: (app / "migrations/versions/0002_more.py").write_text(MIGRATION))
    server.run(
        f"cat >/srv/locked.py <<'EOF'{LOCKED}EOF\nsystemd-run -q --unit=locker --uid=hello python3 /srv/locked.py"
    )
    server.run("for i in $(seq 100); do test -e /srv/hello/shared/locked && break; sleep 0.05; done")
    try:
        with load(f"{server.url}/health", 100, GENTLE) as traffic:
            result = project.fab("-H", server.name, "deploy")
    finally:
        server.run("systemctl stop locker")
    assert result.status == 1 and "the migration failed (exit status 1): alembic upgrade head" in result.stderr, result
    assert "database is locked" in result.stdout and "may be changed in part" in result.stderr, result
    assert traffic.lost == 0, traffic
    assert assert_whole(server) == old


def test_packages_that_cannot_be_built_or_come_in_part(server: Server, project: Project) -> None:
    old, venvs = assert_whole(server), server.run("ls /srv/hello/venvs").stdout
    server.run(f"cat >/srv/half.py <<'EOF'{HALF}EOF\nsystemd-run -q --unit=half --uid=nobody python3 /srv/half.py")

    def sdist(app: Path) -> None:
        (app / "broken").mkdir()
        (app / "broken/backend.py").write_text(BACKEND)
        (app / "broken/pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n\n'
            '[project]\nname = "broken"\nversion = "1"\n'
        )
        (app / "requirements.txt").write_text((app / "requirements.txt").read_text() + "./broken\n")

    def half(app: Path) -> None:
        (app / "requirements.txt").write_text("half @ http://127.0.0.1:8099/half-1.0-py3-none-any.whl\n")

    for change, reason in ((sdist, "no compiler for this machine"), (half, "http://127.0.0.1:8099/half")):
        project.git("reset", "--quiet", "--hard", "main")
        project.commit(change)
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "requirements.txt cannot be installed" in result.stderr, result
        assert reason in result.stdout + result.stderr and result.seconds < 60, result
        assert len(result.stdout) < 200_000, "of an installer that says a lot, the end"
        assert server.run("ls /srv/hello/venvs").stdout == venvs, "no half-built environment is left"
        assert assert_whole(server) == old
    server.run("systemctl stop half")


def test_a_flood_of_output_is_cut_and_its_end_shown(server: Server, project: Project) -> None:
    """A line of 100 MB, 200,000 lines, and what a terminal would obey: by a hook, and by a migration."""
    old = assert_whole(server)
    hook = f"[hooks]\nafter_build = {json.dumps(f'{FLOOD} exit 3')}\n"
    for text, app in ((hook, {}), ("", {"migrate": f"{FLOOD} exit 3"})):
        configure(project, text, **app)
        project.commit("Says a lot")
        process = project.start("-H", server.name, "deploy")
        with _peak(process.pid) as peak:
            stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 1 and "(exit status 3)" in stderr, stderr
        assert "and the end" in stdout and len(stdout + stderr) < 200_000, stdout[-2000:]
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", stdout + stderr)
        assert 1 < max(peak) < 150_000, f"{max(peak)} kB"
        assert assert_whole(server) == old


class _peak:
    """The most memory that a process has had resident, in kB, looked up while the block runs."""

    def __init__(self, pid: int) -> None:
        self.status, self.seen, self.stop = Path(f"/proc/{pid}/status"), [0], threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> list[int]:
        self.thread.start()
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.stop.wait(0.05):
            found = re.search(r"VmHWM:\s*(\d+) kB", self.status.read_text()) if self.status.exists() else None
            self.seen += [int(found[1])] if found else []


@pytest.mark.parametrize("manager", ["supervisor", "systemd"])
def test_hostile_values_reach_the_app_as_they_are(server: Server, project: Project, manager: str) -> None:
    signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
    lines = [f'{name}="{"".join(signs.get(char, char) for char in value)}"\n' for name, value in HOSTILE.items()]
    file = project.folder / "hostile.env"
    file.write_text("".join(lines))
    assert dotenv_values(file, interpolate=False) == HOSTILE
    configure(project, env_file="hostile.env", manager=manager)
    project.commit(insert('@app.get("/client")', ENVIRON))
    releases(server, project)
    assert json.loads(get(f"{server.url}/environ").text) == HOSTILE
    assert server.run("ls -d /tmp/pwned 2>&1", check=False).returncode != 0


def test_root_follows_no_link_of_the_repository(server: Server, project: Project) -> None:
    links = {
        "__pycache__": "/root/bait",
        "secret.py": "/root/secret.py",
        "up": "../../..",
        "shadow": "/etc/shadow",
        "out": "/etc",
    }
    server.run("mkdir -p /root/bait/below && chmod 0755 /root/bait && echo 'TOKEN = \"c4nary-link\"' >/root/secret.py")
    look = "cd /; find /root /etc /srv -xdev -maxdepth 1 -printf '%p %m %u %g\\n' | sort; find /root/bait -printf '%p %m\\n'"
    before = server.run(look).stdout

    def plant(app: Path) -> None:
        for name, to in links.items():
            (app / name).symlink_to(to)
        project.git("add", "--force", *links)

    project.commit(plant)
    configure(project, '[hooks]\nafter_build = "true"\n')
    releases(server, project)
    assert server.run(look).stdout == before
    assert server.run("grep -rlE c4nary-link /srv/hello /var/log || true").stdout == ""
    for text in ("", '[hooks]\nbefore_build = "true"\n'):
        configure(project, text, root="out")
        project.commit("Its folder is a link")
        result = project.fab("-H", server.name, "deploy")
        assert result.status == 1 and "a link that leads out of this commit" in result.stderr, result
    assert server.run(look).stdout == before


def test_temporary_folders_are_not_used(server: Server, project: Project) -> None:
    """So that no link that another user has planted there is met: they are read-only for everybody, root included."""
    places = ("/tmp", "/var/tmp")
    with (project.app / "requirements.txt").open("a") as requirements:
        requirements.write("itsdangerous\n")
    project.commit("With a new environment")
    server.run("\n".join(f"mount -t tmpfs -o ro tmpfs {place}" for place in places))
    try:
        releases(server, project)
    finally:
        server.run("\n".join(f"umount {place}" for place in places))


def test_thirty_old_releases_and_one_that_cannot_be_removed(server: Server, project: Project) -> None:
    old = live(server)
    made = [f"{number:012x}-abcdef" for number in range(30)]
    copies = "\n".join(
        f"cp -a instances/{old} instances/{each}; cp -a releases/{old[:12]} releases/{each[:12]}\n"
        f"touch -d '{number + 1} days ago' instances/{each}"
        for number, each in enumerate(made)
    )
    stuck = f"/srv/hello/releases/{made[29][:12]}"
    server.run(
        f"cd /srv/hello\n{copies}\nmkdir {stuck}/busy && mount -t tmpfs tmpfs {stuck}/busy && touch {stuck}/busy/file"
    )
    server.run(f"mkdir -p {stuck}/__pycache__ && touch {stuck}/__pycache__/main.pyc")
    project.commit("Prunes")
    new = releases(server, project)
    there = server.run("cd /srv/hello/instances && ls -d *-*").stdout.split()
    states = server.run("cat /srv/hello/instances/*/state").stdout.split()
    assert len(states) == len(there) and len(states) - states.count("bad") == 6, "the live one and five more"
    assert {new, old} <= set(there)
    kept = {each[:12] for each in there} | {made[29][:12]}
    assert set(server.run("ls /srv/hello/releases").stdout.split()) == kept
    server.run(f"umount {stuck}/busy")
    project.commit("Prunes what was stuck")
    releases(server, project)
    assert server.run(f"ls -d {stuck}", check=False).returncode != 0


def test_edits_by_hand_are_shown_and_kept_and_what_is_not_ours_stays(server: Server, project: Project) -> None:
    site, other = "/etc/nginx/sites-available/hello", "/etc/nginx/sites-enabled/other"
    sshd = server.run("ls /etc/ssh/sshd_config.d/*selvedge*").stdout.strip()
    keys = "/home/deploy/.ssh/authorized_keys"
    server.run(
        f"cp {site} /root/site; cp {sshd} /root/sshd; echo '# by hand' | tee -a {site} >>{sshd}\n"
        f"echo 'server {{ listen 80; server_name other.test; return 204; }}' >{other}\n"
        f"ssh-keygen -q -t ed25519 -N '' -C somebody@else -f /root/foreign && cat /root/foreign.pub >>{keys}"
    )
    for task, file, ours in (("nginx", site, "/root/site"), ("harden", sshd, "/root/sshd")):
        result = project.must("-H", server.name, task)
        assert "-# by hand" in [line.strip() for line in result.stdout.splitlines()], result
        assert (
            server.run(f"cmp {file} {ours} && tail -n 1 $(ls /var/backups/selvedge{file}.* | tail -n 1)").stdout
            == "# by hand\n"
        )
    assert server.run("stat -c '%a %U' /var/backups/selvedge").stdout == "700 root\n"
    assert server.run(f"grep -c somebody@else {keys}; rm /root/foreign*").stdout == "1\n"
    assert get(f"{server.url}/", {"Host": "other.test"}).status == 204
    server.run(f"rm {other} && nginx -s reload")


def test_a_system_python_without_venv_gets_it_and_nothing_else(server: Server, project: Project) -> None:
    """A `/usr/bin/python` there is none, and Debian's own may not be changed (EXTERNALLY-MANAGED)."""
    server.run("apt-get purge -y -qq 'python3*-venv' >/dev/null 2>&1")
    server.run("test ! -e /usr/bin/python && ls /usr/lib/python3*/EXTERNALLY-MANAGED")
    look = "ls -d /usr/lib/python3/dist-packages/* /usr/local/lib/python3*/*/* 2>/dev/null || true"
    before = server.run(look).stdout
    with (project.app / "requirements.txt").open("a") as requirements:
        requirements.write("python-multipart\n")
    project.commit("With a new environment")
    result = project.must("-H", server.name, "deploy")
    assert "python3-venv" in result.stdout, result
    assert assert_whole(server).startswith(project.head[:12])
    assert server.run(look).stdout == before


def test_a_port_that_somebody_else_holds_is_named_and_nothing_is_changed(server: Server, project: Project) -> None:
    old = live(server)
    server.run("systemctl stop nginx; systemd-run -q --unit=holder python3 -m http.server 80")
    server.run("for i in $(seq 100); do ss -tlnH | grep -q ':80 ' && break; sleep 0.05; done")
    project.commit("Nobody would see it")
    try:
        result = project.fab("-H", server.name, "deploy")
    finally:
        server.run("systemctl stop holder; systemctl start nginx")
    assert result.status == 1 and "port 80, which nginx needs, is held by python3" in result.stderr, result
    assert server.run(f"ls -d /srv/hello/releases/{project.head[:12]}", check=False).returncode != 0
    assert assert_whole(server) == old


def test_nginx_that_is_restarted_and_logs_that_are_rotated(server: Server) -> None:
    """As unattended upgrades and the night do it."""
    before = assert_whole(server)
    server.run("systemctl restart nginx && logrotate -f /etc/logrotate.conf")
    assert assert_whole(server) == before
    logs = "/var/log/hello/nginx-access.log", "/var/log/hello/nginx-error.log"
    assert server.run(f"stat -c '%a %U %G' {' '.join(logs)}").stdout == 2 * "640 www-data adm\n"
    assert server.run(f"grep -c /health {logs[0]}; stat -c %s {logs[0]}.1").stdout.startswith("1\n")
