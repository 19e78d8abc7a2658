"""The health gate: further workers, and the question through nginx."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.libraries import functions
from tests.support.releases import NEW

# A process that starts with one child and makes one more for each TTIN, as gunicorn does, or that ignores signals.
GUNICORN = """
sh -c 'trap "{heard}" TTIN; sleep 60 & while :; do wait; done' &
parent=$!
trap 'kill -9 $parent $(pgrep -P $parent)' EXIT
until child=$(pgrep -P $parent); do sleep 0.01; done
echo "new.sock users:((pid=$parent,fd=5),(pid=$child,fd=5))" | sed 's#new#x x /run/hello/{new}#; s#sock#sock x#' >/run/sockets
"""


@pytest.mark.parametrize(("line", "heard", "count"), [
    ("WORKERS=4", "sleep 60 &", 4),
    ("WORKERS=$(($(echo 2) + 1))", "sleep 60 &", 3),
    ("WORKERS=1", "sleep 60 &", 1),
    ("WORKERS=2", ":", 1),
    ("WORKERS=4; [ -e /srv/small ] && WORKERS=2", "sleep 60 &", 4),
    ("# of a template of one's own", "sleep 60 &", 1),
])  # fmt: skip
def test_after_the_gate_gunicorn_starts_the_other_workers(
    managed: Managed, line: str, heard: str, count: int
) -> None:
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text(f"#!/bin/sh\n{line}\n")
    (folder / "one").touch()
    start = GUNICORN.format(heard=heard, new=NEW)
    show = "echo $(pgrep -c -P $parent) $(workers_parent $(manager_processes $new)) $parent"
    said = managed.run(f"{start}\nnew={NEW} took=0\nworkers_grow\nworkers_grown\n{show}")
    workers, gunicorn, parent = said.splitlines()[-1].split()
    assert (int(workers), gunicorn) == (count, parent)
    assert not (folder / "one").exists()


@pytest.mark.parametrize(("took", "waits"), [(1999, []), (3900, ["3"])])
def test_the_other_workers_of_a_slow_app_are_waited_for(managed: Managed, took: int, waits: list[str]) -> None:
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text("WORKERS=3\n")
    managed.server.program("sleep", "echo $1 >>/var/log/told")
    fake = "workers_parent() { echo 1; }\nworkers_count() { echo 1; }\nworkers_add_one() { return 1; }"
    managed.run(f"{fake}\nnew={NEW} took={took}\nworkers_grow")
    assert managed.told == waits


@pytest.mark.parametrize(("site", "tls", "asked"), [
    ("    server_name _;", "", "http://203.0.113.10/health"),
    ("    server_name old.test www.old.test;", "", "http://old.test/health"),
    ("    server_name old.test;", "    server_name tls.test www.tls.test;", "https://tls.test/health"),
])  # fmt: skip
@pytest.mark.parametrize(("answer", "wrong"), [
    ("HTTP/1.1 200 OK\\r\\nX-Release: new\\r\\n", ""),
    ("HTTP/2 200\\r\\nx-release: new\\r\\n", ""),
    ("HTTP/1.1 200 OK\\r\\nX-Release: other\\r\\n", "200 from release other"),
    ("HTTP/1.1 503 Unavailable\\r\\nX-Release: new\\r\\n", "503 from release new"),
    ("HTTP/1.1 200 OK\\r\\n", "200"),
    ("", ""),
])  # fmt: skip
def test_the_site_is_requested_by_a_name_that_nginx_knows(
    managed: Managed, site: str, tls: str, asked: str, answer: str, wrong: str
) -> None:
    """The first of `domains` may have changed; nginx gets its new names after the switch."""
    sites = managed.server.path("/etc/nginx/sites-enabled")
    sites.mkdir(parents=True)
    (sites / "hello").write_text(f"server {{\n{site}\n}}\n")
    if tls:
        (sites / "hello-tls").write_text(f"server {{\n{tls}\n}}\n")
    managed.server.program("systemctl", "exit 0")
    stamp = managed.server.path("/var/lib/selvedge/loaded/nginx-hello")
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    managed.server.program("curl", f'echo "$*" >/var/log/asked; printf "{answer}"')
    said = managed.run(
        f"{functions('gate')}\nnew=new header=1 health=/health health_host=localhost health_timeout=1 health_ranges=200-399\n"
        "site_enabled=/etc/nginx/sites-enabled/hello site_login=/none site_host=203.0.113.10 site_follow=yes\n"
        'if gate_site; then echo yes; else echo "no: $site_problem"; fi'
    )
    problem = f"no: After the switch, nginx did not answer GET {asked} from the new release: it answered {wrong or 'nothing'}."
    assert said.startswith(problem) if wrong or not answer else said == "yes\n"
    command = managed.server.path("/var/log/asked").read_text()
    assert command.endswith(f"-- {asked}\n") and "--noproxy *" in command
    managed.server.path("/var/lib/selvedge/loaded/nginx-hello").unlink()
    # nginx has not loaded the site yet: someone made it by hand.
    assert "yes" in managed.run("site_enabled=/etc/nginx/sites-enabled/hello\ngate_site && echo yes")


def test_the_user_sees_what_the_gate_waits_for(managed: Managed) -> None:
    """Each text once, because the seconds are counted from its first line."""
    answers = 'case $asked in "" | x) printf "000 " ;; xx | xxx) printf "503 " ;; *) printf "200 " ;; esac'
    managed.server.program("curl", f"asked=$(cat /run/asked 2>/dev/null); echo x$asked >/run/asked\n{answers}")
    said = managed.run(
        f"new={NEW} health=/up health_host=a health_timeout=1.0 health_ranges=200-399\n"
        "health_attempts=40 health_interval=0 scheme=http log_from=0\n: >/run/undo/preflight.status\n"
        "gate_preflight_ok() { :; }\ngate_crashed() { return 1; }\ngate_bound() { :; }\ngate_pass"
    )
    assert said.splitlines() == [
        "@test wait waiting for the first worker",
        "@test wait waiting for the health check: GET /up answered 503",
    ]


@pytest.mark.parametrize(("answer", "good"), [
    ("400 x\\r\\nX-Release: new", True),
    ("400 x", False),
    ("200 x\\r\\nX-Release: old", False),
])  # fmt: skip
def test_an_app_that_refuses_its_address_is_still_the_app(managed: Managed, answer: str, good: bool) -> None:
    """It accepts the name of app.health_host only."""
    for path in ("/etc/nginx/sites-enabled/hello", "/var/lib/selvedge/loaded/nginx-hello"):
        managed.server.path(path).parent.mkdir(parents=True)
        managed.server.path(path).write_text("server_name _;\n")
    managed.server.program("systemctl", "exit 0")
    managed.server.program("curl", f'printf "HTTP/1.1 {answer}\\r\\n"')
    said = managed.run(
        f"{functions('gate')}\nnew=new header=1 health=/health health_host=a.test health_timeout=1 health_ranges=200-399\n"
        "site_enabled=/etc/nginx/sites-enabled/hello site_login=/none site_host=203.0.113.10 site_follow=yes\n"
        "if gate_site; then echo yes; else echo no; fi"
    )
    assert said == ("yes\n" if good else "no\n")
