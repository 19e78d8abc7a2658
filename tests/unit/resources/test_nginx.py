"""nginx itself: main file, open files, logs, restrictions."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.nginx.server import NginxConf, NginxLogs, NginxRestrictions, OpenFilesLimit
from tests.support.tables import check, table

LOGS = NginxLogs(("/var/log/hello/access.log", "/var/log/hello/error.log"))
CLOSED = "file 640 www-data adm\n"


@table(
    (LOGS, CLOSED + CLOSED, None),
    (LOGS, CLOSED + "link /dev/null\n", None),
    (LOGS, "absent\n" + CLOSED, "make /var/log/hello/access.log unreadable for other users",
     "nginx_close_logs /var/log/hello/access.log"),
    (LOGS, CLOSED + "file 644 www-data root\n", "make /var/log/hello/error.log unreadable for other users",
     "nginx_close_logs /var/log/hello/error.log"),
)  # fmt: skip
def test_logs(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


MAIN = NginxConf()
OWN = "file 644 root root\n"
WRITE = "write /etc/nginx/nginx.conf"


@table(
    (MAIN, "absent\n", None),
    (MAIN, OWN + "worker_connections 8192;\nssl_protocols TLSv1.2 TLSv1.3;\n", None),
    (MAIN, OWN + "worker_connections 20000;\n", None),
    (MAIN, OWN + "# worker_connections 768;\n", None),
    (
        MAIN,
        OWN + "worker_connections 768;\n",
        WRITE,
        "file_put /etc/nginx/nginx.conf 644 root root <<'EOF'\nworker_connections 8192;",
    ),
    (MAIN, OWN + "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; # x\n", WRITE, "ssl_protocols TLSv1.2; # x"),
    (MAIN, OWN + "ssl_protocols SSLv3 TLSv1;\n", WRITE, "ssl_protocols TLSv1.2 TLSv1.3;"),
)
def test_main_file(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


OPEN_FILES = OpenFilesLimit()
DROP_IN = "/etc/nginx/modules-enabled/90-selvedge.conf"


@table(
    (OPEN_FILES, f"{DROP_IN}\n--\nfile 644 root root\n{OPEN_FILES._hash()}\n", None),
    (OPEN_FILES, "/etc/nginx/nginx.conf\n--\nabsent\n", None),
    (
        OPEN_FILES,
        "--\nabsent\n",
        f"create {DROP_IN}",
        f"file_put {DROP_IN} 0644 root root <<'EOF'\nworker_rlimit_nofile 16384;",
    ),
    (
        OPEN_FILES,
        f"/etc/nginx/nginx.conf\n{DROP_IN}\n--\nfile 644 root root\nx\n",
        f"remove {DROP_IN}",
        f"file_remove {DROP_IN}",
    ),
)
def test_limit_of_open_files(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    """nginx refuses a second limit beside one in a file of the user's."""
    check(resource, fact, summary, shell)


BOX = NginxRestrictions("/etc/systemd/system/nginx.service.d/50-selvedge.conf", "[Service]\nUMask=0027\n")


@table(
    (BOX, f"file 644 root root\n{BOX._hash()}\n", None),
    (
        BOX,
        "absent\n",
        f"create {BOX.path}",
        f"file_put {BOX.path} 0644 root root <<'EOF'\n[Service]\nUMask=0027\nnginx_restrict {BOX.path}",
    ),
    (BOX, "file 644 root root\nanother\nold\n", f"write {BOX.path}", f"nginx_restrict {BOX.path}"),
)
def test_restrictions(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
