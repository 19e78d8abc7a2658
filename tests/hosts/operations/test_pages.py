"""The pages of `fab deploy --report`, `traffic` and `dashboard`, as browsers of three sizes show them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from browser import SIZES, chromium, see
from lab import Lab, Project, until
from observe import count_execs, differences, snapshot_of_filesystem
from sandbox import Server
from traffic import get

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def server(lab: Lab, shared_project: Project) -> Server:
    """Return a server with one release."""
    found = lab.server("deployed", "bookworm")
    shared_project.must("-H", found.name, "deploy")
    return found


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


def look(page: Path, *said: str, absent: tuple[str, ...] = ()) -> None:
    """Open a page in three sizes, dark and light: its console is empty, and the page says these words."""
    if not chromium():
        pytest.skip("this machine has no Chromium: make test-all installs it")
    for size in SIZES:
        for dark in (False, True):
            seen = see(page, size, dark=dark)
            assert seen.console == (), (size, seen.console)
            text = re.sub(r"<[^>]*>", "", seen.dom)
            assert not [words for words in said if words not in text], size
            assert not [words for words in absent if words in text], size
            assert len(seen.picture) > 5000


def test_the_report_of_a_release(server: Server, project: Project) -> None:
    """It costs at most one command more than the same deploy without it, which may have opened a shell that it did not need."""
    project.commit("a <b>second</b> release")
    with count_execs(server) as plain:
        project.must("-H", server.name, "deploy")
    project.commit("the third release")
    with count_execs(server) as execs:
        done = project.must("-H", server.name, "deploy", "--report", "run.html")
    assert "The report is in run.html." in done.stderr
    assert execs.count <= plain.count + 1
    page = project.folder / "run.html"
    assert page.stat().st_mode & 0o777 == 0o600
    text = re.sub(r"<[^>]*>", "", page.read_text())
    for said in ("Test: the third release", "Settings", "Migration", "✓ passed", "GET /health answered 200, three times in a row",
                 f"from release {project.head[:12]}", "healthy for 1 s after the switch", f"-H {server.name} deploy"):
        assert said in text, said
    assert "✗" not in text
    project.must("-H", server.name, "deploy", "--report", "again.html")
    assert "= nothing to change" in (project.folder / "again.html").read_text()


def test_the_report_of_a_release_that_was_refused(server: Server, project: Project) -> None:
    project.commit("a release to go back from")
    project.must("-H", server.name, "deploy")
    project.commit(lambda app: (app / "main.py").write_text("raise RuntimeError('<script>no</script>')\n"))
    failed = project.fab("-H", server.name, "deploy", "--report", "failed.html")
    assert failed.status == 1
    text = re.sub(r"<[^>]*>", "", (project.folder / "failed.html").read_text())
    for said in ("✗ failed", "RuntimeError: &lt;script&gt;no", "– not reached", "Commits since the", "Correct the cause"):
        assert said in text, said
    back = project.must("-H", server.name, "rollback", "--report", "back.html")
    assert "The report is in" in back.stderr
    text = re.sub(r"<[^>]*>", "", (project.folder / "back.html").read_text())
    assert "Commits that are no longer live" in text and "Test: a release to go back from" in text
    assert get(f"{server.url}/").status == 200


def test_reports_in_a_browser(server: Server, project: Project) -> None:
    good = project.git("rev-list", "--max-parents=0", "HEAD")
    project.commit(lambda app: (app / "main.py").write_text("raise RuntimeError('<script>no</script>')\n"))
    project.fab("-H", server.name, "deploy", "--report", "failed.html")
    look(project.folder / "failed.html", "What is live", "The gate", "Time line", "– not reached", "RuntimeError: &lt;script&gt;no")
    project.git("checkout", good, "--", "main.py")
    project.commit("it works again")
    project.must("-H", server.name, "deploy", "--report", "run.html")
    look(project.folder / "run.html", "What is live", "✓ passed", "Time line", "Changes", absent=("✗",))


def test_what_is_missing_for_traffic_and_dashboard_is_said(server: Server, project: Project) -> None:
    """One command each, and nothing is installed without consent."""
    with count_execs(server) as execs:
        traffic = project.fab("-H", server.name, "traffic")
    assert (traffic.status, execs.count) == (1, 1)
    assert f"`fab -H {server.name} traffic --install`" in traffic.stderr
    with count_execs(server) as execs:
        dashboard = project.fab("-H", server.name, "dashboard", "--week")
    assert (dashboard.status, execs.count) == (1, 1)
    assert f"{server.name}: there are no metrics" in dashboard.stderr and f"`fab -H {server.name} metrics`" in dashboard.stderr
    assert not list(project.folder.glob("*-traffic.html")) + list(project.folder.glob("*-dashboard.html"))
    wrong = project.fab("-H", server.name, "dashboard", "--html", "none/page.html")
    assert wrong.status == 2 and "is missing" in wrong.stderr


def test_traffic_in_a_browser(server: Server, project: Project) -> None:
    for path in ("/", "/health", "/no-such-page"):
        get(f"{server.url}{path}", headers={"User-Agent": "<script>alert(1)</script>"})
    project.must("-H", server.name, "traffic", "--install")
    page = project.folder / "hello-traffic.html"
    assert page.stat().st_mode & 0o777 == 0o600
    look(page, "no-such-page", "hello: 7 days", "404")
    before = snapshot_of_filesystem(server)
    found = json.loads(project.must("-H", server.name, "traffic", "--days", "2", "--json").stdout)
    assert found["general"]["valid_requests"] >= 3 and found["general"]["failed_requests"] == 0
    assert all(each["data"].endswith(".0") for each in found["hosts"]["data"])
    changed = {path for path in differences(before, snapshot_of_filesystem(server)) if "sshd_config.d" not in path}
    assert changed == set(), "nothing remains but the package"
    assert not server.run("systemctl list-units --all --no-legend 'run-*' | grep goaccess || true").stdout


def test_dashboard_in_a_browser(server: Server, project: Project) -> None:
    server.run("apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install prometheus prometheus-node-exporter")
    query = "curl -sg '127.0.0.1:9090/api/v1/query?query=rate(node_cpu_seconds_total[5m])'"
    until(lambda: '"value"' in server.run(query).stdout, 120)
    with count_execs(server) as execs:
        project.must("-H", server.name, "dashboard", "--html", "day.html")
    assert execs.count == 1
    look(project.folder / "day.html", "hello: the last day", "Processor in use", "Memory", "No data in this time.")
    text = (project.folder / "day.html").read_text()
    assert text.count('<path class="series') >= 4, "processor, memory, disk, network"
