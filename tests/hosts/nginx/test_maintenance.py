"""`fab maintenance`: who gets the page, until `--off`. Each test starts from the state that the previous one left."""

from __future__ import annotations

import json
import re

import pytest

from https_site import gateway
from lab import Project, until
from nginx_site import FOLDERS, UPGRADE, ask, exists, raw, status, unharmed
from observe import count_execs
from sandbox import Server

FOLDER = "/etc/nginx/selvedge/hello.maintenance"
STAMP = "/var/lib/selvedge/loaded/maintenance-hello"
CHALLENGE = "/.well-known/acme-challenge/token"
SHOWN = ["/", "/?a=1", "/static/style.css", "/static", "/media/x", "/health/", "/HEALTH", "/old", "/nothing", "/.env", "/ws",
         "//health/..", "/.selvedge-maintenance-hello", "/.selvedge-maintenance-hello.html", "/health%0a", "/x/.well-known/a",
         "/x/.well-known/acme-challenge/y", "/.well-known/acme-challenge/../../static/style.css"]  # fmt: skip


def switch(server: Server, project: Project, *flags: str) -> str:
    return project.must("-H", server.name, "maintenance", *flags).stdout


def shown(answer: bytes) -> bool:
    """Return whether it is the page, whole, and with its headers."""
    head, _, body = answer.partition(b"\r\n\r\n")
    names = (b"\r\nRetry-After: ", b"\r\nCache-Control: no-store\r\n", b"\r\nContent-Type: text/html; charset=utf-8\r\n")
    return status(answer) == 503 and all(name in head + b"\r\n" for name in names) and (not body or b"</h1>" in body)


def test_visitors_get_the_page_and_checks_get_through(server: Server, project: Project) -> None:
    project.must("-H", server.name, "nginx")
    server.run(f"mkdir -p /var/www/letsencrypt{CHALLENGE[:-6]} && echo proof >/var/www/letsencrypt{CHALLENGE}")
    dry = project.must("-H", server.name, "maintenance", "--on", "--dry-run").stdout
    assert "show the visitors of hello the maintenance page" in dry and not exists(server, FOLDER)
    assert status(ask(server, "/")) == 200
    out = switch(server, project, "--on", "--retry-after", "60")
    assert "reload nginx" in out
    for path in SHOWN:
        assert shown(ask(server, path)), (path, ask(server, path)[:300])
    assert b"\r\nRetry-After: 60\r\n" in ask(server, "/")
    assert shown(ask(server, "/ws", more=UPGRADE))
    assert b"We are working on the site" in raw(server, "GET /\r\n")
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
        request = f"{method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
        assert shown(raw(server, request)), method
    assert shown(raw(server, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n"))
    assert status(ask(server, "/health")) == 200 and status(ask(server, "/health?x=1")) == 200
    assert ask(server, CHALLENGE).endswith(b"proof\n")
    assert "maintenance: nothing to change on" in switch(server, project, "--on", "--retry-after", "60")


def test_status_says_since_when_and_by_whom(server: Server, project: Project) -> None:
    with count_execs(server) as execs:
        text = project.must("-H", server.name, "status").stdout
    assert execs.count == 1
    assert re.search(r"maintenance  ! on since 20[0-9-]+ [0-9:]+ UTC, by \S+@\S+: visitors get its page", text), text
    found = json.loads(project.must("-H", server.name, "status", "--json").stdout)[server.name]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["maintenance"]["since"]) and "@" in found["maintenance"]["by"]
    assert found["healthy"] and [each["subject"] for each in found["findings"]] == ["maintenance"], found


@pytest.mark.thorough
def test_it_outlives_deploys_restarts_and_a_reboot(server: Server, project: Project) -> None:
    """Also with the home page as health check, which visitors do not get."""
    # The first test has switched it on; among the long tests alone, this one is the first.
    switch(server, project, "--on", "--retry-after", "60")
    since = server.run(f"head -n 1 {FOLDER}/site.conf").stdout
    project.commit("during the maintenance")
    project.configure(FOLDERS, health="/")
    for words in (("setup", "deploy"), ("restart",), ("rollback",), ("deploy", "--force")):
        out = project.must("-H", server.name, *words).stdout
        assert "maintenance  on since" in out and f"`fab -H {server.name} maintenance --off` ends it" in out, out
        assert shown(ask(server, "/")), words
    out = project.must("-H", server.name, "deploy").stdout
    assert "maintenance  on since" in out and out.rstrip().endswith(f"deploy: nothing to change on {server.name}.")
    assert "problem" not in project.must("-H", server.name, "status").stdout
    server.reboot()
    until(lambda: shown(ask(server, "/")), 60)
    assert status(ask(server, "/health")) == 200, "the files are those of the last --on"
    switch(server, project, "--on")
    assert shown(ask(server, "/health")) and server.run(f"head -n 1 {FOLDER}/site.conf").stdout == since
    project.configure(FOLDERS)


@pytest.mark.thorough
def test_your_own_page_and_allowed_addresses(server: Server, project: Project) -> None:
    page = "<h1>Zurück um $8 \\ {{ app }} {% raw 'EOF'\r\nEOF\nEOF_é</h1><?php $x = `id`; ?> # ; } server { \u2028"
    (project.folder / "down.html").write_bytes(page.encode())
    project.configure(FOLDERS + f'[maintenance]\npage = "down.html"\nallow = ["{gateway(server)}", "2001:db8::/32"]\n')
    switch(server, project, "--on")
    assert status(ask(server, "/")) == 200, "this machine is the gateway"
    local = server.run("curl -s -i http://127.0.0.1/").stdout
    assert " 503 " in local.splitlines()[0] and "<h1>Zurück um $8 \\ {{ app }} {% raw 'EOF'" in local
    assert server.run(f"cat {FOLDER}/page.html").stdout.encode() == page.encode().replace(b"\r\n", b"\n")
    project.configure(FOLDERS)
    assert "down.html" not in switch(server, project, "--on") and shown(ask(server, "/"))


def test_off_ends_it_and_leaves_nothing(server: Server, project: Project) -> None:
    script = project.must("-H", server.name, "maintenance", "--off", "--script").stdout
    assert "maintenance_remove" in script and shown(ask(server, "/"))
    switch(server, project, "--off")
    assert status(ask(server, "/")) == 200 and not exists(server, FOLDER) and not exists(server, STAMP)
    out = switch(server, project, "--off")
    assert "hello is not in maintenance" in out and "maintenance: nothing to change on" in out
    assert json.loads(project.must("-H", server.name, "status", "--json").stdout)[server.name]["maintenance"] is None
    assert "maintenance" not in project.must("-H", server.name, "deploy").stdout


@pytest.mark.thorough
def test_the_switch_loses_no_request(server: Server, project: Project) -> None:
    with unharmed(f"http://{server.address}/health"):
        switch(server, project, "--on")
        switch(server, project, "--off")


@pytest.mark.thorough
def test_a_configuration_that_nginx_refuses_is_undone(server: Server, project: Project) -> None:
    template = project.folder / "templates/maintenance/site.conf.j2"
    text = template.read_text()
    template.write_text(text + "no_such_directive on;\n")
    refused = project.fab("-H", server.name, "maintenance", "--on")
    template.write_text(text)
    assert refused.status == 1 and "no_such_directive" in refused.stderr, refused
    assert status(ask(server, "/")) == 200 and not exists(server, f"{FOLDER}/http.conf")
    server.run("nginx -t")
    assert '"maintenance": null' in project.must("-H", server.name, "status", "--json").stdout
    switch(server, project, "--on")
    server.run("echo broken >/etc/nginx/conf.d/own.conf")
    refused = project.fab("-H", server.name, "maintenance", "--off")
    server.run("rm /etc/nginx/conf.d/own.conf")
    assert refused.status == 1 and "own.conf" in refused.stderr and exists(server, f"{FOLDER}/http.conf")
    switch(server, project, "--off")


@pytest.mark.thorough
def test_a_run_that_died_before_the_reload_is_finished_by_the_next(server: Server, project: Project) -> None:
    switch(server, project, "--on")
    server.run(f"rm {STAMP}")
    assert "reload nginx" in switch(server, project, "--on")
    server.run(f"mv {FOLDER} /root/")
    assert "reload nginx" in switch(server, project, "--off"), "the files were deleted, and nginx still has them"
    assert status(ask(server, "/")) == 200 and not exists(server, STAMP)


@pytest.mark.thorough
def test_a_site_of_an_older_version_is_named(server: Server, project: Project) -> None:
    server.run("sed -i '/hello.maintenance/d' /etc/nginx/sites-available/hello")
    refused = project.fab("-H", server.name, "maintenance", "--on")
    assert refused.status == 1 and f"Run `fab -H {server.name} nginx` first." in refused.stderr, refused
    assert not exists(server, FOLDER)
    project.must("-H", server.name, "nginx")
