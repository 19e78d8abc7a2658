"""The isolation of an app under supervisor: which files its user can write and read, and what other users can read."""

from __future__ import annotations

import pytest

from drills import drained
from lab import Lab, Project, until
from sandbox import Server
from traffic import get

# root lists all paths: a user may open a file with a known name in a folder that it cannot list.
LIST = r"find / \( -path /proc -o -path /sys \) -prune -o \( -type f -o -type d \) -print >/usr/local/share/paths"
ASK = """import os
for path in open("/usr/local/share/paths").read().splitlines():
    if os.access(path, os.{}):
        print(path)
"""
# Every user of a Debian server can write to these, and supervisor gives programs no private /tmp. gunicorn creates the
# app's sockets in the last one.
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/run/hello")


def walk(server: Server, user: str, what: str) -> set[str]:
    """Return the paths that a user can write (`what` is "W_OK") or read ("R_OK")."""
    server.run(LIST)
    return set(server.run(f"runuser -u {user} -- python3 -c '{ASK.format(what)}'").stdout.splitlines())


@pytest.fixture(scope="module")
def server(lab: Lab, shared_project: Project) -> Server:
    """Return a server with a release whose environment has a secret, and with the user of another app."""
    (shared_project.folder / "production.env").write_text("API_TOKEN=c4nary\n")
    shared_project.configure(env_file="production.env")
    made = lab.server("deployed")
    shared_project.must("-H", made.name, "deploy")
    made.run("useradd --system --no-create-home --user-group --shell /usr/sbin/nologin other")
    made.run("ssh-keygen -q -t ed25519 -N '' -f /srv/hello/deploy_key")
    return made


def test_the_app_can_write_only_its_shared_folder(server: Server) -> None:
    found = walk(server, "hello", "W_OK")
    assert "/srv/hello/shared" in found, "the walk finds paths"
    allowed = ("/srv/hello/shared", *TEMPORARY)
    outside = sorted(path for path in found if not any(path == top or path.startswith(f"{top}/") for top in allowed))
    assert outside == []


def test_the_app_cannot_read_secrets_of_others(server: Server) -> None:
    readable = walk(server, "hello", "R_OK")
    assert "/srv/hello/current" not in readable and any("/instances/" in path for path in readable)
    for path in ("/etc/shadow", "/root", "/home/deploy", "/srv/hello/repo.git", "/srv/hello/deploy_key",
                 "/var/log/selvedge", "/var/log/auth.log", "/var/log/nginx/access.log"):  # fmt: skip
        assert not any(each == path or each.startswith(f"{path}/") for each in readable), path


@pytest.mark.parametrize("user", ["nobody", "other", "www-data", "deploy"])
def test_other_users_cannot_read_files_of_the_app(server: Server, user: str) -> None:
    readable = walk(server, user, "R_OK")
    assert "/etc/passwd" in readable
    places = ("/srv/hello", "/run/selvedge", "/var/log/selvedge", "/var/log/hello", "/var/cache/selvedge")
    # A public key is not secret, and nginx's processes write their own logs.
    open_to_all = {"/srv/hello/deploy_key.pub", "/var/cache/selvedge"}
    found = {path for path in readable if path.startswith(places)} - open_to_all
    own = {path for path in found if user == "www-data" and path.startswith("/var/log/hello/nginx-")}
    assert found == own


def test_the_app_cannot_gain_privileges(server: Server) -> None:
    assert server.run("runuser -u hello -- sudo -n true 2>&1 || true").stdout != ""
    assert server.run("getent passwd hello").stdout.strip().endswith(":/usr/sbin/nologin")
    assert server.run("passwd --status hello").stdout.split()[1] in ("L", "LK"), "no password"
    own = server.run("id -nG hello").stdout.split()
    assert own == ["hello"]
    # Access to supervisor's socket would allow the app to start programs as root.
    assert server.run("runuser -u hello -- supervisorctl status 2>&1 || true").stdout.count("RUNNING") == 0
    before = server.run("readlink /srv/hello/current /srv/hello/live.sock").stdout
    server.run("runuser -u hello -- sh -c 'ln -sfn /tmp /srv/hello/current; rm -f /srv/hello/live.sock; "
               "echo x >/srv/hello/instances/x; mv /srv/hello/shared /srv/hello/gone' 2>/dev/null || true")  # fmt: skip
    assert server.run("readlink /srv/hello/current /srv/hello/live.sock").stdout == before


def test_temporary_files_are_private_and_deleted_at_start(server: Server) -> None:
    folder = server.run(
        "tr '\\0' '\\n' </proc/$(pgrep -o -u hello -f gunicorn)/environ | sed -n 's/^TMPDIR=//p'"
    ).stdout.strip()
    assert folder.startswith("/srv/hello/shared/.tmp/")
    assert server.run(f"stat -c '%a %U' {folder} /srv/hello/shared/.tmp").stdout == "700 hello\n700 hello\n"
    server.run(f"runuser -u hello -- mkdir -p {folder}/left {folder}/../gone")
    server.run("supervisorctl restart all >/dev/null")
    until(lambda: get(f"{server.url}/health").status == 200, 30)
    server.run(f"test -d {folder} && test ! -e {folder}/left && test ! -e {folder}/../gone")


def test_the_app_answers_after_restarts_of_its_manager_and_nginx(server: Server, shared_project: Project) -> None:
    """Package upgrades restart both services like this."""
    for unit in ("supervisor", "nginx"):
        server.run(f"systemctl restart {unit}")
        until(lambda: get(f"{server.url}/health").status == 200, 30)
    assert server.run("pgrep -u hello -f gunicorn -P $(systemctl show --value -p MainPID supervisor) | wc -l").stdout == "1\n"
    assert "deploy: nothing to change" in shared_project.must("-H", server.name, "deploy").stdout


def rotated(server: Server) -> None:
    """Rotate the app's logs, and check that it writes to the new file and that both files are private."""
    drained(server)
    log = f"/var/log/hello/{server.run('basename $(readlink /srv/hello/live.sock) .sock').stdout.strip()}.log"
    server.run(f"logrotate -f /etc/logrotate.d/hello.app && test ! -s {log} && test -s {log}.1.gz")
    server.run("kill -USR1 $(pgrep -o -u hello -f gunicorn)")
    until(lambda: "Handling signal: usr1" in server.run(f"cat {log}").stdout, 10)
    assert server.run("find /var/log/hello -type f -perm /o=rwx").stdout == ""
    assert server.run(f"stat -c '%a %U %G' {log} {log}.1.gz").stdout == "640 root adm\n" * 2


def test_logs_are_rotated_truncated_and_private(server: Server, shared_project: Project) -> None:
    rotated(server)
    # More than the limit before the next run of logrotate.
    server.run("head -c 52500000 /dev/zero | tr '\\0' x >/proc/$(pgrep -o -u hello -f gunicorn)/fd/1")
    until(lambda: int(server.run("du -sk /var/log/hello | cut -f 1").stdout) < 10000, 20)
    rotated(server)
    assert get(f"{server.url}/health").status == 200
    shared_project.configure(env_file="production.env", manager="systemd")
    shared_project.must("-H", server.name, "deploy")
    rotated(server)
    shared_project.configure(env_file="production.env")


def test_root_does_not_follow_links_of_the_app(server: Server, shared_project: Project) -> None:
    before = server.run("cat /etc/passwd").stdout
    server.run("runuser -u hello -- sh -c 'cd /srv/hello/shared; rm -rf .tmp; ln -s /etc .tmp; ln -s /root/planted log; "
               "ln -s /etc/passwd hello.log'")  # fmt: skip
    shared_project.commit("planted")
    shared_project.must("-H", server.name, "deploy")
    server.run("logrotate -f /etc/logrotate.conf")
    assert server.run("stat -c '%a %U' /var/log/selvedge/hello.log.1").stdout == "600 root\n"
    after = server.run("test ! -e /root/planted; cat /etc/passwd; ls /etc | grep -Ec '^[0-9a-f]{12}-' || true").stdout
    assert after == before + "0\n"
    assert get(f"{server.url}/health").status == 200
