"""The files of the maintenance page: which requests get it, and the changes that turn it on and off."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.resources.base import Resource
from selvedge.resources.nginx.maintenance import (
    Included,
    MaintenanceEnded,
    MaintenanceFile,
    NginxAfterMaintenance,
    Since,
    health_pattern,
    maintenance_files,
    maintenance_paths,
)
from tests.support.declared import SETTINGS, file
from tests.support.tables import check, table

FOLDER = "/etc/nginx/selvedge/hello.maintenance"
STATE = MaintenanceFile(f"{FOLDER}/site.conf", "if ($x) {}\n", app="hello")
PUT = f"maintenance_put {FOLDER}/site.conf <<'EOF'"
OWN = "file 644 root root\n"
HEAD = "# On since 2026-11-30T08:02:11Z me@laptop\n"
ENDED = MaintenanceEnded("hello", FOLDER)
AFTER = NginxAfterMaintenance(loads=(ENDED,), stamp="maintenance-hello", folder=FOLDER)
SITE = Included("hello", "/etc/nginx/sites-available/hello", "nginx", "server")
RUNS = "ActiveState=active\nUnitFileState=enabled\n"
ON = "show the visitors of hello the maintenance page"


@table(
    (STATE, OWN + HEAD + "if ($x) {}\n", None),
    (STATE, "absent\n", ON, PUT + "\nif ($x) {}"),
    (STATE, OWN + "if ($x) {}\n", ON, PUT),
    (STATE, OWN + HEAD + "if ($y) {}\n", f"write {FOLDER}/site.conf", PUT),
    (STATE, "file 600 root root\n" + HEAD + "if ($x) {}\n", f"write {FOLDER}/site.conf", PUT),
    (ENDED, "", None),
    (ENDED, "on\n", "send the visitors of hello to the app again", f"maintenance_remove {FOLDER}"),
    (AFTER, RUNS + "Stamp=\n", None),
    (AFTER, "ActiveState=inactive\nUnitFileState=\nStamp=\n", None),
    (AFTER, RUNS + "Stamp=abc\n", "reload nginx", f"maintenance_reload\nmaintenance_forget {FOLDER} maintenance-hello"),
    (SITE, "", None),
    (SITE, "/etc/nginx/sites-available/hello-tls\n", "check that the site of hello can show the page", "step_fail…"),
)  # fmt: skip
def test_changes(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


def test_an_end_that_died_is_repeated() -> None:
    """The stamp of the maintenance stays until nginx has reloaded."""
    assert "stamp_remove" not in AFTER.before_loads() and "nginx_test" in AFTER.before_loads()
    assert AFTER.reload().shell.splitlines()[-1] == f"maintenance_forget {FOLDER} maintenance-hello"


def test_what_a_user_reads() -> None:
    said = STATE.unchanged(OWN + HEAD + "if ($x) {}\n")
    assert said == "hello has been in maintenance since 2026-11-30 08:02:11 UTC, by me@laptop"
    assert Since.parse("live x\nmaintenance 2026-11-30T08:02:11Z me at home\n") == Since("2026-11-30T08:02:11Z", "me at home")
    assert str(Since.parse("maintenance 2026-11-30T08:02:11Z")) == "since 2026-11-30 08:02:11 UTC"
    assert Since.parse("maintenance\n") is None and Since.parse("") is None


@pytest.mark.parametrize(
    ("settings", "pattern"),
    [
        ({"health": "/"}, ""), ({"health": "/?x=1"}, ""), ({"health": "/up"}, r"~^000  /up\z"),
        ({"health": "/a.b?full=1"}, r"~^000  /a\.b\z"),
        ({"health": "/a%0Ab"}, ""), ({"health": "/a%24b"}, ""), ({"health": "/x", "nginx": {"path": "/api"}}, r"~^000  /api/x\z"),
        ({"health": "/", "nginx": {"path": "/api"}}, ""), ({"health": "/", "nginx": {"spa": "web"}}, ""),
        ({"health": "/a%20b%22"}, r'~^000  /a\ b"\z'),
    ],
)  # fmt: skip
def test_only_a_health_check_gets_through(target: Callable[..., Target], settings: dict[str, object], pattern: str) -> None:
    assert health_pattern(target(**settings)) == pattern


@pytest.mark.parametrize("name", list(SETTINGS))
def test_all_locations_of_a_path_and_no_others_look(app: Callable[..., Target], name: str) -> None:
    settings = app(name)
    folder = settings.paths.maintenance
    site = file("nginx", settings, settings.paths.site).text
    assert f"include {folder}/http[.]conf;\n" in site
    if not settings.nginx.path:
        first = file("nginx", settings, f"/etc/nginx/snippets/{settings.name}.conf").text
        assert next(line for line in first.splitlines() if line and line[0] != "#") == f"include {folder}/site[.]conf;"
        assert re.search(r"set \$selvedge_elsewhere \"\";\n(    include \S+/sites/\S+;\n)+\n    include /etc/nginx/snippets", site)
        return
    text = file("nginx", settings, settings.location_file).text
    answers = re.findall(r"^ *location (?:= |\^~ )\S+ \{\n(.*\n)(.*\n)", text, re.MULTILINE)
    looks = [block for block in answers if f"{folder}/location[.]conf;" in "".join(block)]
    redirect = 1 if settings.nginx.strip_path else 0
    assert len(looks) == len(answers) - redirect and f"include {folder}/path[.]conf;" in text


def test_hostile_text_in_the_page_is_only_text(target: Callable[..., Target]) -> None:
    app = target(maintenance={"page": "down.html"})
    text = "$x {{ app }} 'EOF'\nEOF\n`id` $(id) \\ \r\n<%= %> \u2028"
    (app.base_dir / "down.html").write_bytes(text.encode())
    page, *others = maintenance_files(app, (), 5)
    assert page.text == text and all("$(id)" not in each.text for each in others)


def test_the_paths_of_a_removal(target: Callable[..., Target]) -> None:
    stamps = "/var/lib/selvedge/loaded/maintenance-hello"
    balancer = "/etc/nginx/selvedge/hello.balancer.maintenance"
    assert maintenance_paths(target()) == (FOLDER, stamps, balancer, f"{stamps}.balancer")
