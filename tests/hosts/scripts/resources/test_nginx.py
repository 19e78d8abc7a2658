"""nginx: its main file, logs, restrictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.nginx.server import NginxConf, NginxLogs, NginxRestrictions, OpenFilesLimit
from tests.hosts.scripts.resources.sites import BY_NAME, debians, sites

MAIN = "events {\n\tworker_connections 768;\n}\nhttp {\n\tssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # POODLE\n}\n"


def test_the_main_file_changes_in_two_lines_and_keeps_its_owner(server: Any) -> None:
    path = server.path("/etc/nginx/nginx.conf")
    path.parent.mkdir(parents=True)
    path.write_text(MAIN)
    path.chmod(0o640)
    planned = server.plan(NginxConf(4096))
    (change,) = (change for _, change in planned.changes)
    rows = [row for row in change.diff.splitlines() if row[0] in "+-" and row[1] not in "+-"]
    assert rows == [
        "-\tworker_connections 768;", "+\tworker_connections 4096;",
        "-\tssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # POODLE", "+\tssl_protocols TLSv1.2 TLSv1.3; # POODLE",
    ]  # fmt: skip
    server.apply(planned)
    assert path.stat().st_mode & 0o777 == 0o640
    assert not server.plan(NginxConf(4096))
    path.write_text(MAIN.replace("768", "20000").replace("TLSv1 TLSv1.1 TLSv1.2 ", ""))
    assert not server.plan(NginxConf(4096)), "more is as good"


def test_an_existing_limit_of_open_files_stays_the_only_one(server: Any) -> None:
    limit = OpenFilesLimit()
    main, theirs = server.path("/etc/nginx/nginx.conf"), server.path("/etc/nginx/modules-enabled/50-theirs.conf")
    theirs.parent.mkdir(parents=True)
    main.write_text(f"# worker_rlimit_nofile 1;\n{MAIN}")
    server.make(limit)
    assert server.path(limit.path).exists() and not server.plan(limit)
    for file in (main, theirs):
        before = file.read_text() if file.exists() else ""
        file.write_text(f"user www-data; worker_rlimit_nofile 1024;\n{before}")
        server.make(limit)
        assert not server.path(limit.path).exists()
        file.write_text(before)
        server.make(limit)


def test_logs_are_closed_to_others_and_links_are_left_alone(server: Any) -> None:
    files = tuple(f"/var/log/hello/nginx-{kind}.log" for kind in ("access", "error", "missed"))
    server.program("chown", 'echo "$*" >>/root/log')
    server.path("/var/log/hello").mkdir()
    server.path(files[0]).write_text("x\n")
    server.path(files[2]).symlink_to("/dev/null")
    planned = server.plan(NginxLogs(files))
    assert [change.summary for _, change in planned.changes] == [f"make {files[0]}, {files[1]} unreadable for other users"]
    assert server.apply(planned).status == 0
    assert [server.path(file).stat().st_mode & 0o777 for file in files[:2]] == [0o640, 0o640]
    assert server.path(files[0]).read_text() == "x\n"
    assert server.path("/root/log").read_text() == f"-- www-data:adm {files[0]}\n-- www-data:adm {files[1]}\n"
    fact = "file 640 www-data adm\nfile 640 www-data adm\nlink /dev/null\n"
    assert NginxLogs(files).plan(fact) is None


def systemctl(server: Any, restart: str = "true") -> Path:
    server.program("systemctl", f'echo "$*" >>/root/log; case $1 in restart) {restart} ;; esac')
    server.program("systemd-run", 'printf "%s\\n" "$@" >/root/trial')
    server.program("nginx", "cat /root/shown")
    server.path("/root/shown").write_text("")
    log: Path = server.path("/root/log")
    return log


BOX = NginxRestrictions("/etc/systemd/system/nginx.service.d/50-selvedge.conf", "[Service]\nUMask=0027\n")


def test_new_restrictions_restart_an_nginx_without_sites(server: Any) -> None:
    log = systemctl(server)
    debians(server)
    server.make(BOX)
    assert log.read_text().splitlines() == ["daemon-reload", "is-active -q nginx", "restart nginx"]


def test_new_restrictions_do_not_restart_an_nginx_with_sites(server: Any) -> None:
    log = systemctl(server)
    sites(server, b=BY_NAME)
    done = server.apply(server.plan(BOX))
    assert log.read_text().splitlines() == ["daemon-reload", "is-active -q nginx"]
    assert "take effect at its next start" in done.said[0]


OTHERS = """
server { listen 81; access_log /home/x/logs/a.log main; error_log "/srv/$host/log/e.log"; # access_log /home/y/a.log;
  location / { proxy_pass http://unix:/tmp/x.sock; } }
access_log /var/log/other/a.log; error_log syslog:server=unix:/dev/log; access_log off;
proxy_cache_path /data/cache/a%b keys_zone=z:1m; fastcgi_cache_path
  /data/cache keys_zone=z:1m;
client_body_temp_path /var/lib/nginx/body;
"""


@pytest.mark.parametrize(
    ("shown", "needs"),
    [
        ("server { root /home/x/www; access_log /var/log/other/a.log; dav_methods off; }", []),
        (OTHERS, ["PrivateTmp=no", "ReadWritePaths=-/data/cache", "ReadWritePaths=-/home/x/logs", "ReadWritePaths=-/srv"]),
        ("load_module modules/ngx_http_lua_module.so;", ["MemoryDenyWriteExecute=no"]),
        ("server { dav_methods PUT DELETE; }", ["ProtectHome=no", "ProtectSystem=full"]),
    ],
)
def test_the_restrictions_respect_other_sites(server: Any, shown: str, needs: list[str]) -> None:
    systemctl(server)
    server.path("/root/shown").write_text(shown)
    server.make(BOX)
    more = server.path(BOX.path).with_name("60-selvedge-sites.conf")
    assert (more.read_text().splitlines()[2:] if more.exists() else []) == needs
    assert [line for line in server.path("/root/trial").read_text().splitlines() if "=" in line] == ["UMask=0027", *needs]


def test_restrictions_that_nginx_refuses_are_not_kept(server: Any) -> None:
    log = systemctl(server)
    server.program("systemd-run", "echo '[emerg] open() failed (30: Read-only file system)' >&2; exit 1")
    done = server.apply(server.plan(BOX))
    assert done.status == 1 and "would not start" in done.error and "Read-only file system" in done.error
    assert not server.path(BOX.path).exists() and not log.exists()
    server.program("nginx", "exit 1")
    assert "rejects its configuration even without" in server.apply(server.plan(BOX)).error


def test_restrictions_under_which_nginx_does_not_start_are_removed(server: Any) -> None:
    log = systemctl(server, "[ ! -e /etc/systemd/system/nginx.service.d/50-selvedge.conf ]")
    done = server.apply(server.plan(BOX))
    assert done.status == 1 and "could not start with the restrictions" in done.error
    assert log.read_text().splitlines()[-2:] == ["daemon-reload", "restart nginx"]
    assert not server.path(BOX.path).exists()
