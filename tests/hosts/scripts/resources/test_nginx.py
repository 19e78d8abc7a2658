"""nginx: its main file, logs, restrictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.nginx.cache import CacheFolder
from selvedge.resources.nginx.server import NginxConf, NginxLogs, NginxRestrictions, OpenFilesLimit
from tests.hosts.scripts.resources.sites import BY_NAME, debians
from tests.support.libraries import functions

MAIN = "events {\n\tworker_connections 768;\n}\nhttp {\n\tssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # POODLE\n}\n"


def test_the_main_file_changes_in_few_lines_and_keeps_its_owner(server: Any) -> None:
    path = server.path("/etc/nginx/nginx.conf")
    path.parent.mkdir(parents=True)
    path.write_text(MAIN)
    path.chmod(0o640)
    planned = server.plan(NginxConf(4096))
    (change,) = (change for _, change in planned.changes)
    rows = [row for row in change.diff.splitlines() if row[0] in "+-" and row[1] not in "+-"]
    assert rows == [
        "+worker_rlimit_nofile 8192;", "-\tworker_connections 768;", "+\tworker_connections 4096;",
        "-\tssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # POODLE", "+\tssl_protocols TLSv1.2 TLSv1.3; # POODLE",
    ]  # fmt: skip
    server.apply(planned)
    assert path.stat().st_mode & 0o777 == 0o640
    assert not server.plan(NginxConf(4096))
    path.write_text("worker_rlimit_nofile 50000;\n" + MAIN.replace("768", "20000").replace("TLSv1 TLSv1.1 TLSv1.2 ", ""))
    assert not server.plan(NginxConf(4096)), "more is as good"


@pytest.mark.parametrize(("text", "wanted"), [
    ("user www-data;\ninclude /etc/nginx/modules-enabled/*.conf;\nevents { worker_connections 1024; }\n",
     "user www-data;\ninclude /etc/nginx/modules-enabled/*.conf;\nevents { worker_connections 4096; }\n"),
    ("events {}\n", "worker_rlimit_nofile 8192;\nevents {\n    worker_connections 4096;}\n"),
    ("# events { worker_connections 1; }\nevents\n{\n}\n",
     "# events { worker_connections 1; }\nworker_rlimit_nofile 8192;\nevents\n{\n    worker_connections 4096;\n}\n"),
    ("worker_rlimit_nofile 1024;\nevents {\n  worker_connections 1024;\n}\n",
     "worker_rlimit_nofile 8192;\nevents {\n  worker_connections 4096;\n}\n"),
    ("worker_rlimit_nofile 65535; events { worker_connections 20000; multi_accept on; }\n", None),
])  # fmt: skip
def test_nginx_gets_its_connections_however_the_main_file_is_written(server: Any, text: str, wanted: str | None) -> None:
    path = server.path("/etc/nginx/nginx.conf")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    server.make(NginxConf(4096))
    assert path.read_text() == (wanted or text)


def test_a_file_that_nginx_would_not_read_sets_no_limit(server: Any) -> None:
    """nginx.org's nginx.conf includes no folder outside of `http`: the limit is in nginx.conf itself."""
    main = server.path("/etc/nginx/nginx.conf")
    main.parent.mkdir(parents=True)
    main.write_text(MAIN)
    server.make(NginxConf(), OpenFilesLimit())
    assert "worker_rlimit_nofile 16384;" in main.read_text() and not server.path(OpenFilesLimit.path).exists()


def test_an_existing_limit_of_open_files_stays_the_only_one(server: Any) -> None:
    limit = OpenFilesLimit()
    main, theirs = server.path("/etc/nginx/nginx.conf"), server.path("/etc/nginx/modules-enabled/50-theirs.conf")
    theirs.parent.mkdir(parents=True)
    main.write_text(f"# worker_rlimit_nofile 1;\ninclude /etc/nginx/modules-enabled/*.conf;\n{MAIN}")
    server.make(limit)
    assert server.path(limit.path).exists() and not server.plan(limit)
    for file in (main, theirs):
        before = file.read_text() if file.exists() else ""
        file.write_text(f"user www-data; worker_rlimit_nofile 1024;\n{before}")
        server.make(limit)
        assert not server.path(limit.path).exists()
        file.write_text(before)
        server.make(limit)


@pytest.mark.parametrize("words", [
    'unknown "connection_upgrade" variable', 'unknown "selvedge_frame_options" variable',
    'zero size shared memory zone "selvedge_address"',
])  # fmt: skip
def test_a_main_file_that_does_not_include_conf_d_is_named(server: Any, words: str) -> None:
    server.program("nginx", f"echo 'nginx: [emerg] {words}' >&2; exit 1")
    said = server.run(f"undo=/run\n{functions('nginx')}\nnginx_test || echo failed").stdout.decode()
    assert said.startswith(f"nginx: [emerg] {words}: nginx does not read /etc/nginx/conf.d. Add `include /etc/nginx/conf.d/*.conf")
    assert said.endswith(";` to the http block of /etc/nginx/nginx.conf\nfailed\n")


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
    server.path("/etc/nginx/conf.d").mkdir()
    for name in ("selvedge-default", "selvedge-default-tls-8443"):
        server.path(f"/etc/nginx/conf.d/{name}.conf").write_text(BY_NAME)
    server.path("/etc/nginx/conf.d/upstreams.conf").write_text("upstream x { server unix:/x; }\n# server { listen 80; }\n")
    server.make(BOX)
    assert log.read_text().splitlines() == ["daemon-reload", "is-active -q nginx", "restart nginx"]


@pytest.mark.parametrize("path", ["/etc/nginx/sites-enabled/b", "/etc/nginx/conf.d/b.conf"])
def test_new_restrictions_do_not_restart_an_nginx_with_sites(server: Any, path: str) -> None:
    log = systemctl(server)
    server.path(path).parent.mkdir(parents=True)
    server.path(path).write_text(BY_NAME)
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


def test_the_folder_of_kept_responses_is_nginx_s_alone(server: Any) -> None:
    server.path("/etc/nginx").mkdir()
    server.path("/etc/nginx/nginx.conf").write_text("user daemon;\n")
    server.make(CacheFolder("/var/lib/nginx/cache-hello", wanted=True))
    folder = server.path("/var/lib/nginx/cache-hello")
    assert (folder.stat().st_mode & 0o7777, folder.owner()) == (0o700, "daemon")
    (folder / "a").mkdir()
    (folder / "a/b").write_text("kept")
    server.make(CacheFolder("/var/lib/nginx/cache-hello", wanted=False))
    assert not folder.exists() and folder.parent.exists()
