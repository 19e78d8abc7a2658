"""Three web servers and a balancer: no request is lost while each server is drained, released, stopped, rebooted or killed."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable

import pytest

from drills import GENTLE
from https_site import request
from lab import Lab, Project, until
from lb_site import Site, visitors
from observe import count_execs
from sandbox import Server
from traffic import get, load

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def site(lab: Lab, shared_project: Project) -> Site:
    found = Site(lab.server("setup"), [lab.server("deployed") for _ in range(3)], shared_project)
    found.configure()
    found.fab(f"{found.lb.name},{found.group}", "deploy", "harden")
    return found


def test_deploy_takes_the_web_servers_first_and_changes_nothing_again(site: Site) -> None:
    assert site.answers()
    with count_execs(site.lb) as execs:
        again = site.fab(f"{site.lb.name},web", "deploy", "harden")
    assert again.count("nothing to change on") == 2 and (execs.count, execs.logins) == (1, 1), again


def test_a_web_server_answers_its_balancer_alone_and_believes_it_alone(site: Site) -> None:
    for server in site.web:
        with pytest.raises(OSError):
            get(f"http://{server.address}/health", timeout=2)
        with pytest.raises(OSError):
            get(f"http://{server.address}:443/", timeout=2)
    forged = {"X-Forwarded-For": "198.51.100.7"}
    seen = {json.loads(get(f"http://{site.lb.address}/client", forged).text)["client"] for _ in range(6)}
    me = subprocess.run(["ip", "-o", "route", "get", site.lb.address], capture_output=True, text=True, check=True).stdout
    assert seen == {me.split(" src ")[1].split()[0]}
    logs = [server.run("grep -c /client /var/log/hello/nginx-access.log || true").stdout.strip() for server in site.web]
    assert [log for log in logs if log != "0"] == logs, "all of them get requests"


def test_nothing_is_lost_while_servers_leave_and_come_back(site: Site) -> None:
    first, second, third = site.web

    def stopped() -> None:
        first.run("supervisorctl stop all")
        time.sleep(2)
        first.run("supervisorctl start all")

    def full() -> None:
        folders = "/var/lib/nginx/proxy /var/lib/nginx/body /var/log/hello"
        first.run(f"for each in {folders}; do mount -t tmpfs -o size=64k tmpfs $each; head -c 1M /dev/zero >$each/full || :; done")
        time.sleep(2)
        first.run(f"umount {folders}")

    site.project.commit("Behind a balancer")
    drills: list[Callable[[], object]] = [
        lambda: site.fab(first.name, "drain"),
        lambda: site.fab(first.name, "undrain"),
        lambda: site.fab("web", "deploy"),
        stopped,
        full,
        third.reboot,
        lambda: until(lambda: get_on(third), 60),
        second.reboot,
    ]
    for drill in drills:
        with load(site.url, 200, GENTLE) as traffic:
            drill()
            time.sleep(1)
        assert traffic.lost == 0 and traffic.requests > 20, traffic


def get_on(server: Server) -> bool:
    """Return whether the app answers on the server itself."""
    command = "curl -sf -o /dev/null --unix-socket /srv/hello/live.sock http://localhost/health"
    return server.run(command, check=False).returncode == 0


def test_requests_that_change_something_are_not_lost_either(site: Site) -> None:
    """A drained server refuses the connection, so the balancer may send them to another one."""
    site.fab(site.web[0].name, "drain")
    statuses = set()
    for _ in range(60):
        connection = http.client.HTTPConnection(site.lb.address, timeout=10)
        connection.request("POST", "/client", body=b"x=1")
        statuses.add(connection.getresponse().status)
        connection.close()
    assert statuses == {405}
    assert "POST" not in site.web[0].run("tail -n 20 /var/log/hello/nginx-access.log").stdout
    site.fab(site.web[0].name, "undrain")


def test_a_drained_server_stays_drained_over_a_reboot(site: Site) -> None:
    server = site.web[2]
    site.fab(server.name, "drain")
    server.reboot()
    until(lambda: get_on(server), 60)
    status = site.project.must("-H", f"{site.lb.name},{server.name}", "status").stdout
    assert "refuses new requests of the balancers" in status and "does not answer, so the others get its requests" in status
    with load(site.url, 60, GENTLE) as traffic:
        time.sleep(2)
        before = server.run("wc -l </var/log/hello/nginx-access.log").stdout
        time.sleep(1)
        assert server.run("wc -l </var/log/hello/nginx-access.log").stdout == before
    assert traffic.lost == 0
    site.fab(server.name, "undrain")


def test_a_power_cut_loses_what_the_dead_server_held(site: Site) -> None:
    """All other requests are answered, after a second at most: proxy_connect_timeout."""
    dead, count = site.web[1], 8
    living = [server for server in site.web if server is not dead]
    with visitors(site.url, count, 0.01) as visits:
        time.sleep(2)
        dead.kill()
        cut = time.monotonic()
        time.sleep(12)
        dead.boot()
        until(lambda: get_on(dead), 60)
        time.sleep(2)
    lost = [each for each in visits if each.lost]
    assert len(lost) <= count and [each for each in lost if each.began > cut] == [], lost
    logs = "".join(server.run("cat /var/log/hello/nginx-access.log").stdout for server in living)
    assert [each for each in lost if f"?visit={each.number} " in logs] == [], "only the dead server has got them"
    answered = [each for each in visits if not each.lost]
    normal = max(each.seconds for each in answered if each.began + each.seconds < cut - 0.5)
    assert [each for each in answered if each.seconds > 1.2 + normal] == [], normal
    late = [each for each in answered if each.began > cut and each.seconds > 0.9]
    print(f"{len(visits)} requests, {len(lost)} lost, {len(late)} waited a second, normal at most {normal:.2f} s")
    assert max(each.began for each in answered) > cut + 12


def test_an_update_takes_one_server_after_the_other(site: Site) -> None:
    for server in site.web:
        server.run("rm /etc/apt/apt.conf.d/20auto-upgrades")
    with load(site.url, 200, GENTLE) as traffic:
        output = site.fab("web", "update")
    steps = [line.split()[:2] for line in output.splitlines() if "✓" in line and line.split()[1] in ("drain", "update", "undrain")]
    names = [server.name for server in site.web]
    assert list(dict.fromkeys(map(tuple, steps))) == [(name, step) for name in names for step in ("drain", "update", "undrain")]
    assert traffic.lost == 0, f"{traffic}\n{site.lost()}"


def test_the_last_server_that_answers_is_not_drained(site: Site) -> None:
    first, second, third = (server.name for server in site.web)
    with load(site.url, 200, GENTLE) as traffic:
        site.fab(f"{first},{second}", "drain")
        refused = site.project.fab("-H", third, "drain")
        assert refused.status == 1 and f"{first} and {second} do not answer the balancer {site.lb.name}" in refused.stderr, refused
        # A rollout has drained the second one, and was killed; the first one was drained by hand.
        site.web[1].run("touch /etc/nginx/selvedge/hello.drained-by-run")
        for server in site.web:
            server.run("rm -f /etc/apt/apt.conf.d/20auto-upgrades")
        output = site.fab("web", "update")
    assert traffic.lost == 0, f"{traffic}\n{site.lost()}"
    assert f"{third}  drain" in output, output
    states = [server.run("systemctl is-active selvedge-drained.hello.service", check=False).stdout.strip() for server in site.web]
    assert states == ["active", "inactive", "inactive"], output
    site.fab(first, "undrain")


def requests_to(site: Site, path: str) -> int:
    """Return how many requests for a path the web servers have got."""
    return sum(int(server.run(f"grep -c '{path}' /var/log/hello/nginx-access.log || true").stdout) for server in site.web)


@pytest.mark.parametrize("method", ["least_conn", "ip_hash"])
def test_a_response_that_nginx_cannot_pass_on_does_not_take_the_servers_out(site: Site, method: str) -> None:
    """Starlette's redirect for a path that ends with a slash repeats the query, with three bytes for each quotation mark."""
    site.configure(method=method)
    site.fab(site.lb.name, "balancer")
    until(site.answers, 20)
    before = requests_to(site, "GET /docs/?")
    for _ in range(9):
        answer = get(f"http://{site.lb.address}/docs/?" + '"' * 2900)
        assert answer.status == 502, answer
        assert site.answers()
    assert requests_to(site, "GET /docs/?") == before + 9, "each request reached one server"
    site.configure()
    site.fab(site.lb.name, "balancer")


def test_an_open_firewall_does_not_open_a_web_server(site: Site) -> None:
    """Another app of the server may be public on the same port."""
    server = site.web[0]
    server.run("ufw allow 80/tcp comment selvedge")
    assert get(f"http://{server.address}/health").status == 403
    assert "X-Release" not in get(f"http://{server.address}/", {"X-Forwarded-For": site.lb.address}).headers
    assert site.answers()
    site.fab(server.name, "restart")
    server.run("ufw --force delete allow 80/tcp")


def test_visitors_see_a_page_if_no_server_answers(site: Site) -> None:
    for server in site.web:
        server.run("supervisorctl stop all")
    answer = get(f"http://{site.lb.address}/")
    assert (answer.status, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (503, "5", "no-store")
    assert "<h1>Back in a moment</h1>" in answer.text
    for server in site.web:
        server.run("supervisorctl start all")
    until(site.answers, 60)


def test_the_balancer_shows_the_maintenance_page(site: Site) -> None:
    """Also if no server answers. A web server alone cannot, and health checks get through."""
    refused = site.project.fab("-H", site.web[0].name, "maintenance", "--on")
    assert refused.status == 2 and f"`fab -H {site.lb.name} maintenance --on`" in refused.stderr, refused
    site.fab(site.lb.name, "maintenance", "--on", "--retry-after", "70")
    assert "maintenance  on since" in site.fab(f"{site.lb.name},web", "deploy", "--force")
    assert "maintenance  ! on since" in site.project.must("-H", f"{site.lb.name},web", "status").stdout
    assert site.answers()
    for _ in range(2):
        answer = get(f"http://{site.lb.address}/client")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "70") and "We are working on the site" in answer.text
        for server in site.web:
            server.run("supervisorctl stop all")
    for server in site.web:
        server.run("supervisorctl start all")
    site.fab(site.lb.name, "maintenance", "--off")
    until(site.answers, 60)
    assert get(f"http://{site.lb.address}/client").status == 200


def test_https_is_on_the_balancer(site: Site) -> None:
    folder = site.project.folder
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=hello.test"]
    command += ["-addext", "subjectAltName=DNS:hello.test", "-keyout", str(folder / "key.pem"), "-out", str(folder / "own.pem")]
    subprocess.run(command, check=True, capture_output=True)
    tls = '[tls]\ncertificate = "own.pem"\ncertificate_key = "key.pem"\nhsts = 60\n'
    site.configure(tls, domains=["hello.test"])
    site.fab(f"{site.lb.name},web", "deploy")
    answer = request(site.lb, "/client", "hello.test", folder / "own.pem")
    assert answer.status == 200 and answer.headers["Strict-Transport-Security"] == "max-age=60"
    assert json.loads(answer.body)["scheme"] == "https"  # type: ignore[attr-defined]
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert request(site.lb, "/", "hello.test").status == 301
    assert [server.run("ls /etc/nginx/sites-enabled").stdout.split() for server in site.web] == [["hello"]] * 3
