"""nginx's sites beside each other: who is the default, who has a name, and what nginx may read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.nginx import Box, Logs, MainFile, OpenFiles
from selvedge.resources.site import Default, Media, Names, NotDebians, Static, parse
from selvedge.templates import template

A, B = "/etc/nginx/sites-enabled/a", "/etc/nginx/sites-enabled/b"
BY_ADDRESS = "server {\n listen 80 default_server;\n listen [::]:80 default_server;\n server_name _;\n}\n"
BY_NAME = "upstream u { server unix:/x; }\nserver { listen 80; server_name b.test www.b.test; location / { return 200; } }\n"
TLS = "server {\n  include /etc/nginx/snippets/selvedge-listen-tls.conf;\n  server_name b.test;\n}\n"


def sites(server: Any, **texts: str) -> None:
    for name, text in texts.items():
        path = server.path(f"/etc/nginx/sites-enabled/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def debians(server: Any) -> None:
    """The site that Debian's package brings."""
    sites(server, default=BY_ADDRESS)
    brought = hashlib.md5(BY_ADDRESS.encode()).hexdigest()
    server.program("dpkg-query", f"echo ' /etc/nginx/sites-available/default {brought}'")


def default(wanted: bool = True, port: int = 80, own: str = A) -> Default:
    path = {80: Default.http, 443: Default.https}[port]
    return Default(path, f"server {{ listen {port} ssl http2 default_server; }}\n", port, wanted, (own,))


def read(server: Any, version: str = "nginx/1.22.1") -> list[Any]:
    server.program("nginx", f"echo 'nginx version: {version}' >&2")
    return parse(server.read(Names((), ()))[0])


def test_server_blocks_are_read_in_every_spelling(server: Any) -> None:
    sites(
        server,
        a="# server { listen 81 default_server; }\nserver{listen 8080;server_name x.test;}\n"
        "server\t{\n# listen 80;\n server_name y.test;\n}\n",
        b="server { listen 127.0.0.1:80 default_server; listen *:443 ssl default_server;"
        " server_name\n z.test # no.test\n www.z.test; }",
    )
    assert [(block.file, sorted(block.names), sorted(block.ports), sorted(block.defaults)) for block in read(server)] == [
        (A, ["x.test"], [8080], []),
        (A, ["y.test"], [80], []),
        (B, ["www.z.test", "z.test"], [443], [443]),
    ]


def test_no_nginx_means_no_sites(server: Any) -> None:
    assert parse(server.read(Names((), ()))[0]) == []
    assert parse("") == []


@pytest.mark.parametrize(
    ("domains", "others", "expected"),
    [
        ((), {}, ""),
        ((), {"b": BY_NAME}, ""),
        ((), {"a": BY_ADDRESS, "default": BY_ADDRESS}, "answers by address already: /etc/nginx/sites-enabled/default is"),
        ((), {"b": BY_ADDRESS}, f"answers by address already: {B} is the default_server of port 80"),
        (("a.test",), {"b": BY_ADDRESS}, ""),
        (("a.test",), {"b": BY_NAME}, ""),
        (("a.test", "b.test"), {"b": BY_NAME}, f"b.test is a name of another site of this server already: {B}"),
        (("b.test",), {"a": BY_NAME}, ""),
        (("b.test",), {"b": TLS}, ""),
    ],
)
def test_names_belong_to_one_site(server: Any, domains: tuple[str, ...], others: dict[str, str], expected: str) -> None:
    sites(server, **others)
    planned = server.plan(Names(domains, (A,)))
    assert bool(planned) is bool(expected)
    if expected:
        assert expected in server.apply(planned).error


def test_the_default_comes_and_goes_with_what_the_others_claim(server: Any) -> None:
    server.program("nginx", "echo 'nginx version: nginx/1.22.1' >&2")
    path = server.path(Default.http)
    server.make(default())
    assert path.exists() and not server.plan(default())
    sites(server, b=BY_ADDRESS)
    server.make(default())
    assert not path.exists() and not server.plan(default()), "an app that answers by address is the default itself"
    # That app's own run.
    assert not server.plan(default(wanted=False, own=B))
    sites(server, b=BY_NAME)
    server.make(default(own=B))
    assert path.exists() and not server.plan(default())
    server.make(default(wanted=False))
    assert not path.exists()


def test_debians_own_site_goes_and_what_somebody_wrote_there_stays(server: Any) -> None:
    sites(server, default=BY_ADDRESS)
    assert not server.plan(NotDebians()), "no package has brought it"
    assert server.plan(Names((), (A,)))
    debians(server)
    assert not server.plan(Names((), (A,))), "it goes, and claims nothing"
    server.make(NotDebians())
    assert not server.path("/etc/nginx/sites-enabled/default").exists() and not server.plan(NotDebians())


def test_the_default_of_tls_stays_as_long_as_a_site_has_tls(server: Any) -> None:
    server.program("nginx", "echo 'nginx version: nginx/1.22.1' >&2")
    sites(server, a=TLS, b=TLS)
    path = server.path(Default.https)
    server.make(default(port=443))
    assert path.exists()
    assert not server.plan(default(port=443, wanted=False)), "the other site has TLS still"
    sites(server, b=BY_NAME)
    server.make(default(port=443, wanted=False))
    assert not path.exists()
    assert not server.plan(default(port=443, wanted=False))


@pytest.mark.parametrize(
    ("version", "listens", "refuses"),
    [
        ("1.18.0", "443 ssl http2 default_server", "ssl_certificate $selvedge_nothing"),
        ("1.19.4", "443 ssl http2 default_server", "ssl_reject_handshake on"),
        ("1.25.0", "443 ssl http2 default_server", "ssl_reject_handshake on"),
        ("1.25.1", "443 ssl default_server", "ssl_reject_handshake on"),
    ],
)
def test_the_default_of_tls_is_spelled_as_the_version_has_it(server: Any, version: str, listens: str, refuses: str) -> None:
    server.program("nginx", f"echo 'nginx version: nginx/{version} (Ubuntu)' >&2")
    real = Default(Default.https, template("nginx/default-tls.conf.j2"), 443, True, (A,))
    server.make(real)
    text = server.path(Default.https).read_text()
    assert text.count(f"    listen {listens};\n") == 1 and f"    listen [::]:{listens};\n" in text
    assert [way for way in ("ssl_certificate $selvedge_nothing", "ssl_reject_handshake on") if way in text] == [refuses]


MAIN = "events {\n\tworker_connections 768;\n}\nhttp {\n\tssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # POODLE\n}\n"


def test_the_main_file_changes_in_two_lines_and_keeps_its_owner(server: Any) -> None:
    path = server.path("/etc/nginx/nginx.conf")
    path.parent.mkdir(parents=True)
    path.write_text(MAIN)
    path.chmod(0o640)
    planned = server.plan(MainFile(4096))
    (change,) = (change for _, change in planned.changes)
    rows = [row for row in change.diff.splitlines() if row[0] in "+-" and row[1] not in "+-"]
    assert rows == [
        "-\tworker_connections 768;", "+\tworker_connections 4096;",
        "-\tssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; # POODLE", "+\tssl_protocols TLSv1.2 TLSv1.3; # POODLE",
    ]  # fmt: skip
    server.apply(planned)
    assert path.stat().st_mode & 0o777 == 0o640
    assert not server.plan(MainFile(4096))
    path.write_text(MAIN.replace("768", "20000").replace("TLSv1 TLSv1.1 TLSv1.2 ", ""))
    assert not server.plan(MainFile(4096)), "more is as good"


def test_a_limit_of_open_files_that_somebody_has_set_stays_the_only_one(server: Any) -> None:
    limit = OpenFiles()
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


def release(server: Any) -> Path:
    folder: Path = server.path("/srv/hello/releases/1/static")
    (folder / "css").mkdir(parents=True)
    (folder / "css/a.css").write_text("a")
    (folder.parent / "main.py").write_text("secret")
    for path in (folder.parent, folder, folder / "css"):
        path.chmod(0o751)
    for path in (folder / "css/a.css", folder.parent / "main.py"):
        path.chmod(0o640)
    return folder


STATIC = Static("/srv/hello/releases/1", ("static",))


def test_others_may_read_the_folder_and_nothing_else(server: Any) -> None:
    folder = release(server)
    (folder / "b.css").symlink_to("css/a.css")
    server.make(STATIC)
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "css", folder / "css/a.css")]
    assert modes == [0o755, 0o755, 0o644]
    assert [path.stat().st_mode & 0o777 for path in (folder.parent, folder.parent / "main.py")] == [0o751, 0o640]
    assert not server.plan(STATIC)
    (folder / "new.css").write_text("n")
    (folder / "new.css").chmod(0o640)
    assert server.plan(STATIC)


@pytest.mark.parametrize(
    ("where", "target", "sentence"),
    [
        ("static/css/x", "/etc/shadow", "in it static/css/x is a link that leads out of it"),
        ("static/x", "../main.py", "in it static/x is a link that leads out of it"),
        ("static", "/srv/secret", "is a link out of the release"),
        ("static", "../../../secret", "is a link out of the release"),
        ("static", "nowhere", "is not in this release"),
    ],
)
def test_a_link_that_leads_out_is_refused_and_nothing_there_is_touched(
    server: Any, where: str, target: str, sentence: str
) -> None:
    folder = release(server)
    secret = server.path("/srv/secret")
    secret.mkdir(mode=0o700)
    (secret / "key").write_text("k")
    (secret / "key").chmod(0o600)
    path = folder.parent / where
    if where == "static":
        folder.rename(folder.parent / "moved")
    path.symlink_to(target)
    done = server.apply(server.plan(STATIC))
    assert done.status == 1 and sentence in done.error
    assert (secret.stat().st_mode & 0o777, (secret / "key").stat().st_mode & 0o777) == (0o700, 0o600)
    assert (folder.parent / "main.py").stat().st_mode & 0o777 == 0o640


def test_a_file_that_takes_a_folders_place_never_gets_the_set_group_id_bit(server: Any) -> None:
    server.program("setpriv", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    server.program("chgrp", "exit 0")
    # Whoever owns the folder puts a program there at the last moment.
    server.program("chmod", """
if [ "$1" = g+rxs ] && [ -d /srv/hello/shared/up/deep ]; then
  mv /srv/hello/shared/up/deep /srv/hello/shared/up/moved
  printf x >/srv/hello/shared/up/deep
  /bin/chmod 0755 /srv/hello/shared/up/deep
fi
exec /bin/chmod "$@\"""")
    folder = server.path("/srv/hello/shared/up")
    (folder / "deep").mkdir(parents=True)
    (folder / "other").mkdir()
    done = server.apply(server.plan(Media("root", "/srv/hello/shared", "up")))
    assert done.status == 0, done.output
    assert (folder / "deep").is_file() and (folder / "deep").stat().st_mode & 0o7777 == 0o755
    assert (folder / "other").stat().st_mode & 0o2050 == 0o2050


def test_logs_are_made_closed_to_others_and_a_link_of_somebody_is_left_alone(server: Any) -> None:
    files = tuple(f"/var/log/hello/nginx-{kind}.log" for kind in ("access", "error", "missed"))
    server.program("chown", 'echo "$*" >>/root/log')
    server.path("/var/log/hello").mkdir()
    server.path(files[0]).write_text("x\n")
    server.path(files[2]).symlink_to("/dev/null")
    planned = server.plan(Logs(files))
    assert [change.summary for _, change in planned.changes] == [f"keep others out of {files[0]}, {files[1]}"]
    assert server.apply(planned).status == 0
    assert [server.path(file).stat().st_mode & 0o777 for file in files[:2]] == [0o640, 0o640]
    assert server.path(files[0]).read_text() == "x\n"
    assert server.path("/root/log").read_text() == f"-- www-data:adm {files[0]}\n-- www-data:adm {files[1]}\n"
    fact = "file 640 www-data adm\nfile 640 www-data adm\nlink /dev/null\n"
    assert Logs(files).plan(fact) is None


def systemctl(server: Any, restart: str = "true") -> Path:
    server.program("systemctl", f'echo "$*" >>/root/log; case $1 in restart) {restart} ;; esac')
    server.program("systemd-run", 'printf "%s\\n" "$@" >/root/trial')
    server.program("nginx", "cat /root/shown")
    server.path("/root/shown").write_text("")
    log: Path = server.path("/root/log")
    return log


BOX = Box("/etc/systemd/system/nginx.service.d/50-selvedge.conf", "[Service]\nUMask=0027\n")


def test_a_new_box_restarts_an_nginx_that_serves_nothing_yet(server: Any) -> None:
    log = systemctl(server)
    debians(server)
    server.make(BOX)
    assert log.read_text().splitlines() == ["daemon-reload", "is-active -q nginx", "restart nginx"]


def test_a_new_box_leaves_an_nginx_alone_that_serves_a_site(server: Any) -> None:
    log = systemctl(server)
    sites(server, b=BY_NAME)
    done = server.apply(server.plan(BOX))
    assert log.read_text().splitlines() == ["daemon-reload", "is-active -q nginx"]
    assert "holds from its next start on" in done.said[0]


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
def test_the_box_leaves_other_sites_what_they_need(server: Any, shown: str, needs: list[str]) -> None:
    systemctl(server)
    server.path("/root/shown").write_text(shown)
    server.make(BOX)
    more = server.path(BOX.path).with_name("60-selvedge-sites.conf")
    assert (more.read_text().splitlines()[2:] if more.exists() else []) == needs
    assert [line for line in server.path("/root/trial").read_text().splitlines() if "=" in line] == ["UMask=0027", *needs]


def test_a_box_that_nginx_refuses_is_not_kept(server: Any) -> None:
    log = systemctl(server)
    server.program("systemd-run", "echo '[emerg] open() failed (30: Read-only file system)' >&2; exit 1")
    done = server.apply(server.plan(BOX))
    assert done.status == 1 and "would not start" in done.error and "Read-only file system" in done.error
    assert not server.path(BOX.path).exists() and not log.exists()
    server.program("nginx", "exit 1")
    assert "is broken already, also without" in server.apply(server.plan(BOX)).error


def test_a_box_that_nginx_cannot_start_in_goes_again(server: Any) -> None:
    log = systemctl(server, "[ ! -e /etc/systemd/system/nginx.service.d/50-selvedge.conf ]")
    done = server.apply(server.plan(BOX))
    assert done.status == 1 and "does not start with the restrictions" in done.error
    assert log.read_text().splitlines()[-2:] == ["daemon-reload", "restart nginx"]
    assert not server.path(BOX.path).exists()


def test_limits_stand_in_every_server_block(target: Any) -> None:
    limits = template("nginx/limits.conf.j2")
    directives = [line for line in limits.splitlines() if line.endswith(";")]
    assert len(directives) >= 6
    texts = [template("nginx/default.conf.j2"), template("nginx/default-tls.conf.j2"),
             template("nginx/locations.conf.j2", app=target(), code="/srv/hello/current")]  # fmt: skip
    for text in texts:
        for directive in directives:
            assert text.count(directive) == 1, directive
