"""The file that says since when a site is in maintenance and by whom, and its end."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.resources.nginx.maintenance import (
    Included,
    MaintenanceEnded,
    MaintenanceFile,
    MaintenanceNoted,
    Since,
    maintenance_files,
)
from tests.support.libraries import functions

FOLDER = "/etc/nginx/selvedge/hello.maintenance"
STATE = MaintenanceFile(f"{FOLDER}/site.conf", "if ($x) {}\n# On since never\n", app="hello")
NOTED = MaintenanceNoted("hello")
HSTS = {"domains": ["a.test"], "tls": {"hsts": 60}}


def written(server: Any) -> str:
    return str(server.path(f"{FOLDER}/site.conf").read_text())


def since(server: Any) -> Since | None:
    """Return what `fab status` reads."""
    (fact,) = server.read(NOTED)
    return Since.parse(fact)


def watch(server: Any) -> Path:
    """Copy the folder at each change of a file. Return the folder of the copies."""
    copies: Path = server.path("/root/copies")
    copies.mkdir()
    keep = f"if [ -e {FOLDER} ]; then cp -a {FOLDER} /root/copies/$(ls /root/copies | wc -l); fi"
    server.program("mv", f'/bin/mv "$@"\n{keep}')
    server.program("rm", f'/bin/rm "$@"\n{keep}')
    return copies


def undefined(folder: Path) -> set[str]:
    """Return the variables of these files that none of them defines. nginx does not start with one."""
    text = "".join(path.read_text() for path in folder.glob("*.conf"))
    return set(re.findall(r"\$(selvedge_(?:maintenance|admitted)_\w+)", text)) - set(
        re.findall(r"^(?:geo|map) .*\$(\w+) \{$", text, re.MULTILINE)
    )


def test_the_first_one_who_turned_it_on_stays(server: Any) -> None:
    assert since(server) is None
    server.make(STATE)
    head, rest = written(server).split("\n", 1)
    assert re.fullmatch(r"# On since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ root", head) and rest == STATE.text
    server.path(f"{FOLDER}/site.conf").write_text(written(server).replace(head, "# On since 2026-01-02T03:04:05Z me@laptop"))
    server.make(replace(STATE, text="if ($y) {}\n"))
    assert written(server) == "# On since 2026-01-02T03:04:05Z me@laptop\nif ($y) {}\n"
    assert since(server) == Since("2026-01-02T03:04:05Z", "me@laptop")


@pytest.mark.parametrize("name", ["a\n} server {", "a\r\tb", "\x1b[31m", "$(id); `id`", "名字@机器", "-n %s \\n"])
def test_no_name_ends_the_comment(server: Any, name: str) -> None:
    server.apply(server.plan(STATE), before=f"SUDO_USER={chr(39)}{name}{chr(39)}\n")
    head, rest = written(server).split("\n", 1)
    shown = re.sub("[\x00-\x1f\x7f]", "", name)
    assert head.split(" ", 4)[4] == shown and rest == STATE.text


def test_the_end_deletes_the_configuration_and_after_the_reload_the_page(server: Any) -> None:
    server.make(STATE)
    page = server.path(f"{FOLDER}/page.html")
    page.write_text("x")
    server.path(f"{FOLDER}/left by someone.conf").write_text("x")
    server.path("/var/lib/selvedge/loaded").mkdir(parents=True)
    server.path("/var/lib/selvedge/loaded/maintenance-hello").write_text("x")
    ended = MaintenanceEnded("hello", FOLDER)
    assert server.apply(server.plan(ended)).status == 0
    assert list(server.path(FOLDER).iterdir()) == [page] and server.plan(ended), "nginx has not been reloaded yet"
    script = f"undo=/run\n{functions('maintenance', 'stamp')}\nmaintenance_forget {FOLDER} maintenance-hello\n"
    assert server.run(script).returncode == 0 and not server.plan(ended)
    assert not server.path(FOLDER).exists() and not server.path("/var/lib/selvedge/loaded/maintenance-hello").exists()


@pytest.mark.parametrize(("settings", "then"), [({}, {}), ({"nginx": {"path": "/api"}}, {}), (HSTS, {"domains": ["a.test"]})])
def test_nginx_could_start_and_status_is_right_after_each_file(
    server: Any, target: Callable[..., Target], settings: dict[str, Any], then: dict[str, Any]
) -> None:
    """A power cut may come between two of them. The same command then finishes its work."""
    app = target(**settings)
    files, ended = tuple(maintenance_files(app, ["203.0.113.9"], 60)), MaintenanceEnded("hello", FOLDER)
    copies = watch(server)
    server.make(*files)
    if then:
        server.make(*maintenance_files(target(**then), (), 60))
    assert server.apply(server.plan(ended)).status == 0
    states = {tuple(sorted(path.name for path in copy.iterdir())): copy for copy in copies.iterdir()}
    assert len(states) >= 3 and not any(map(undefined, copies.iterdir()))
    for names, state in states.items():
        for turned_on in (True, False):
            shutil.rmtree(server.path(FOLDER))
            shutil.copytree(state, server.path(FOLDER))
            assert bool(since(server)) == bool({"site.conf", "location.conf"} & {*names}), names
            if turned_on:
                server.make(*files)
                assert since(server)
            else:
                assert server.apply(server.plan(ended)).status == 0
                assert [path.name for path in server.path(FOLDER).iterdir()] == ["page.html"]


def test_a_failed_end_puts_the_files_back(server: Any) -> None:
    server.make(STATE)
    before = written(server)
    plan = server.plan(MaintenanceEnded("hello", FOLDER))
    ((resource, change),) = plan.changes
    plan.changes[:] = [(resource, replace(change, shell=f"{change.shell}\nfalse"))]
    assert server.apply(plan).status == 1
    assert written(server) == before


@pytest.mark.parametrize(
    ("site", "tls", "lacks"),
    [
        (None, None, "hello"), ("server {}", None, "hello"), ("include x/hello.maintenance/http[.]conf;", None, ""),
        ("include x/hello.maintenance/http[.]conf;", "server {}", "hello-tls"),
        ("include x/hello.maintenance/http[.]conf;", 'set $selvedge_elsewhere "";', ""),
        ("include x/hello-2.maintenance/http[.]conf;", None, "hello"),
    ],
)  # fmt: skip
def test_sites_of_an_older_version(server: Any, site: str | None, tls: str | None, lacks: str) -> None:
    server.path("/etc/nginx/sites-available").mkdir(parents=True)
    for name, text in (("hello", site), ("hello-tls", tls)):
        if text:
            server.path(f"/etc/nginx/sites-available/{name}").write_text(text)
    (fact,) = server.read(Included("hello", "/etc/nginx/sites-available/hello", "nginx", "server"))
    assert fact.strip() == (f"/etc/nginx/sites-available/{lacks}" if lacks else "")
