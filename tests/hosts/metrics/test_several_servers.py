"""One Prometheus for a balancer without the app, a web server, and a server with only the database; and their maintenance."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from drills import QUICK
from https_site import gateway
from lab import Lab, Project, Result, until
from observe import count_execs
from prometheus import QUICKER, ask
from sandbox import Server
from tests.hosts.metrics.conftest import APP
from tests.support.webhook import webhook
from traffic import get
from visits import visiting

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]
LISTENING = "ss -Hltn | awk '{print $4}'"
LEFT = r"""
find /etc /usr/local /opt /var/lib /var/log /srv /run -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/log/apt \
  -o -path /var/log/journal -o -path /var/cache -o -path /etc/fail2ban -o -path /run/selvedge \
  -o -path /srv/hello/venvs -o -path /srv/hello/shared/.tmp -o -path /srv/hello/instances \) -prune -o \
  \( -iname '*prometheus*' -o -iname '*mtail*' -o -iname '*metrics*' -o -iname '*selvedge-alerts*' %s \) -print
"""
SINGLE = "ufw status | grep ALLOW | grep -v Anywhere"
"""The firewall's rules for single addresses."""


class Site:
    """The balancer, whose Prometheus asks all, the web server, the database's, and the project. got: the messages that arrive."""

    def __init__(self, servers: list[Server], project: Project, url: str, got: list[dict[str, Any]]) -> None:
        self.lb, self.web, self.db = self.servers = servers
        self.got = got
        self.all = ",".join(server.name for server in servers)
        self.project, self.env = project, {"SELVEDGE_NOTIFY__URLS": url}

    def configure(self, metrics: str = 'enabled = true\nserver = "LB"\n', notify: bool = True) -> None:
        hosts = "".join(
            f"{self.project.host_settings(server)}private_address = {json.dumps(server.address)}\n"
            for server in (self.lb, self.web, self.db)
        )
        lb, web, db = (json.dumps([server.name]) for server in (self.lb, self.web, self.db))
        text = f'{hosts}[balancer]\nhosts = {lb}\nbackends = "web"\n[groups]\nweb = {web}\n[rollout]\ndrain = true\n'
        text += f'[services]\npostgres = true\nhosts = {db}\nclients = "web"\n[metrics]\n{metrics.replace("LB", self.lb.name)}'
        self.project.configure(f"{text}[notify]\nfrom_servers = {json.dumps(notify)}\n", **QUICK, migrate=None, workers=2)

    def fab(self, hosts: str, *words: str) -> Result:
        return self.project.must("-H", hosts, *words, env=self.env)


def reaches(source: Server, target: Server, port: int) -> bool:
    program = f"import socket; socket.create_connection(('{target.address}', {port}), 2)"
    return source.run(f'python3 -c "{program}"', check=False).returncode == 0


@pytest.fixture(scope="module")
def site(lab: Lab, shared_project: Project) -> Iterator[Site]:
    project = shared_project

    def change(_folder: object) -> None:
        (project.app / "main.py").write_text(APP)
        (project.app / "requirements.txt").write_text("fastapi\nprometheus-client\n")

    project.commit(change)
    servers = [lab.server("setup") for _ in range(3)]
    with webhook(address=gateway(servers[0])) as (address, got):
        found = Site(servers, project, f"json://{address}/", got)
        found.configure()
        found.fab(found.db.name, "setup")
        found.fab(found.all, "setup", "deploy")
        got.clear()
        yield found


def test_the_balancers_prometheus_asks_each_server_for_what_it_has(site: Site) -> None:
    common = {"node", "nginx", "requests"}
    jobs = {site.lb: {"prometheus", *common}, site.web: {"app", *common}, site.db: {"postgres", *common}}
    wanted = {(server.name, job) for server, found in jobs.items() for job in found}

    def up() -> set[tuple[str, str]]:
        return {(each["metric"]["instance"], each["metric"]["job"]) for each in ask(site.lb, "up == 1")}

    until(lambda: up() == wanted, 120, "all targets are up")
    for server in (site.web, site.db):
        assert server.run("systemctl is-active prometheus selvedge-alerts.timer", check=False).stdout.split() == ["inactive"] * 2


def test_only_the_balancer_reaches_the_metrics_of_the_others(site: Site) -> None:
    assert reaches(site.lb, site.web, 9180) and reaches(site.lb, site.db, 9180)
    assert not reaches(site.web, site.db, 9180) and not reaches(site.db, site.web, 9180)
    for port in (9090, 9100, 9113, 9180, 3903):
        assert not reaches(site.web, site.lb, port), port
    outside = []
    for server in site.servers:
        places = (line.rpartition(":") for line in server.run(LISTENING).stdout.split())
        outside.append({port for address, _, port in places if not address.startswith(("127.", "[::1]"))})
    assert outside[0] <= {"22", "80", "443"} and outside[1] <= {"22", "80", "443", "9180"}, outside
    assert outside[2] == {"22", "5432", "9180"}, outside


def test_a_second_run_changes_nothing(site: Site) -> None:
    with count_execs(site.lb) as on_lb, count_execs(site.db) as on_db:
        again = site.fab(site.all, "setup", "deploy").stdout
    assert again.count("nothing to change on") == 2 and (on_lb.count, on_db.count) == (1, 1), again


def test_requests_are_counted_on_both_and_the_workers_together(site: Site) -> None:
    workers = {get(f"{site.lb.url}/").text for _ in range(40)}
    assert len(workers) == 2

    def counted() -> bool:
        found = [each["metric"] for each in ask(site.lb, 'selvedge_requests_total{status="200"}')]
        return {(each["app"], each["instance"]) for each in found} == {("hello", site.web.name), ("hello.balancer", site.lb.name)}

    until(counted, 90, "the requests are counted")
    until(lambda: [each["value"][1] for each in ask(site.lb, "hello_visits_total")] == ["40"], 90, "the app's own metrics")
    assert get(f"{site.lb.url}/metrics").status == 404


def test_status_and_dashboard_of_all(site: Site) -> None:
    with count_execs(site.lb) as execs:
        out = site.fab(site.all, "status").stdout
    assert execs.count == 1
    assert re.search(rf"{site.lb.name} +metrics +✓ all programs run, no alert now", out), out
    for server in (site.web, site.db):
        assert re.search(rf"{server.name} +metrics +✓ all programs run; the Prometheus of {site.lb.name} asks them", out), out
    site.fab(site.all, "dashboard")
    page = (site.project.folder / "hello-dashboard.html").read_text()
    assert all(server.name in page for server in site.servers)


def test_an_alert_about_the_database_server_is_told_by_the_balancer(site: Site) -> None:
    site.lb.run(QUICKER)
    site.db.run("systemctl stop prometheus-postgres-exporter")
    title = f"TargetDown: {site.db.name} (postgres)"

    def told(title: str) -> bool:
        site.lb.run("systemctl start selvedge-alerts.service", check=False)
        return title in [each["title"] for each in site.got]

    until(lambda: told(title), 120, "the alert")
    done = site.project.fab("-H", site.all, "status", env=site.env)
    assert done.status == 1 and f"{site.db.name}: metrics" in done.stderr, done
    said = f"TargetDown: {site.db.name}: Prometheus gets no metrics from postgres"
    assert re.search(rf"{site.lb.name} +alert +! {said}", done.stdout), done
    site.db.run("systemctl start prometheus-postgres-exporter")
    until(lambda: told(f"Ended: {title}"), 120, "its end")
    assert [each["title"] for each in site.got] == [title, f"Ended: {title}"]
    site.fab(site.lb.name, "metrics")


def test_the_balancers_maintenance_loses_no_request(site: Site) -> None:
    with visiting(site.lb.address) as visits:
        site.fab(site.lb.name, "maintenance", "--on", "--retry-after", "70")
        site.project.commit(lambda folder: (folder / "news.txt").write_text("news"))
        assert "maintenance  on since" in site.fab(site.all, "deploy").stdout
        assert re.search(rf"{site.lb.name} +maintenance +! on since ", site.fab(site.all, "status").stdout)
        site.fab(site.lb.name, "maintenance", "--off")
    print(f"{visits.open} answers of the app, {visits.closed} of the page, {len(visits.wrong)} lost")
    assert visits.wrong == [] and visits.open > 20 and visits.closed > 50 and visits.retry_after == {"70"}
    assert len(visits.releases) == 2


def test_addresses_that_the_balancer_lets_through(site: Site) -> None:
    """This machine is one of them, the server of the database is not."""
    site.fab(site.lb.name, "maintenance", "--on", "--allow", gateway(site.lb))
    command = f"curl -s -o /dev/null -w '%{{http_code}}' -H 'X-Forwarded-For: {gateway(site.lb)}' http://{site.lb.address}/"
    with visiting(site.lb.address) as visits:
        assert [site.db.run(command).stdout for _ in range(5)] == ["503"] * 5
        site.project.commit(lambda folder: (folder / "news.txt").write_text("more news"))
        site.fab(site.all, "deploy")
        time.sleep(1)
        assert site.db.run(command).stdout == "503"
    assert visits.wrong == [] and visits.closed == 0 and visits.open > 50 and len(visits.releases) == 2
    site.fab(site.lb.name, "maintenance", "--off")
    assert site.db.run(command).stdout == "200"


def test_the_removal_leaves_nothing_on_any_server(site: Site) -> None:
    site.fab(site.all, "metrics", "--remove")
    for server in site.servers:
        assert server.run(LEFT % "", check=False).stdout == ""
        assert server.run("ufw status | grep 9180", check=False).stdout == ""
    assert get(f"{site.lb.url}/").status == 200
    site.configure(metrics="")
    site.fab(site.all, "remove", "--yes", "--data")
    for server in site.servers:
        names = "-o -iname '*notify*selvedge*' -o -iname '*selvedge-notify*' -o -iname '*apprise*' -o -iname '*hello*'"
        # The balancer was set up before it was one, and has the history and the log of that.
        left = ["/var/log/selvedge/hello.log", "/srv/hello"] if server is site.lb else []
        assert server.run(LEFT % names, check=False).stdout.splitlines() == left
        assert server.run("systemctl list-units --all --plain --no-legend '*selvedge*' '*hello*'").stdout == ""
        assert server.run(SINGLE, check=False).stdout == ""


def test_a_server_without_the_app_is_closed_to_the_others(site: Site) -> None:
    """Its metrics were not removed before: `fab remove` keeps the exporters, and no way to them."""
    site.configure()
    site.fab(site.db.name, "setup")
    assert {line.split()[0] for line in site.db.run(SINGLE).stdout.splitlines()} == {"5432/tcp", "9180/tcp"}
    assert reaches(site.lb, site.db, 9180)
    site.configure(metrics="")
    site.fab(site.db.name, "remove", "--yes", "--data")
    places = "/etc /usr/local /var/lib/selvedge /var/log /var/backups /srv"
    assert site.db.run(f"{SINGLE}; find {places} -xdev -iname '*hello*' -o -name 'selvedge-metrics-private*'").stdout == ""
    assert site.db.run("systemctl is-active prometheus-node-exporter").stdout == "active\n"
    assert not reaches(site.lb, site.db, 9180)
