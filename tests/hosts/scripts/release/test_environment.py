"""Which variables a release changes: names reach the operator, values do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pydantic import SecretStr

from selvedge.config.dotenv import render_environment
from selvedge.config.target import Target
from selvedge.release.environment import EnvironmentFile, changed_variables, environment_hashes, parse_hashes
from selvedge.release.live import Live
from tests.hosts.scripts.server import Server
from tests.support.releases import NEW, OLD

SECRET = "s3cret \"'`$HOME\\\nOTHER=\"x\"\n#"


def environment(values: Mapping[str, str]) -> dict[str, SecretStr]:
    return {name: SecretStr(value) for name, value in values.items()}


def has(server: Server, instance: str, values: Mapping[str, str], state: str) -> None:
    folder = server.path(f"/srv/hello/instances/{instance}")
    folder.mkdir(parents=True)
    (folder / "env").write_text(render_environment(environment(values)))
    (folder / "state").write_text(f"{state}\n")
    python = server.path(f"/srv/hello/releases/{instance[:12]}/.venv/bin/python")
    if not python.exists():
        python.parent.mkdir(parents=True)
        python.symlink_to("/usr/bin/python3")


def wanted(values: Mapping[str, str]) -> EnvironmentFile:
    text, hashes = render_environment(environment(values)), environment_hashes(environment(values))
    return EnvironmentFile(f"/srv/hello/instances/{NEW}/env", text, secret=True, hashes=hashes, app="hello")


@pytest.mark.parametrize(("live", "new", "said"), [
    ({"A": "1", "OLD": "x"}, {"A": "2", "DEBUG": "1"}, " (environment: A changed, DEBUG added, OLD removed)"),
    ({"A": SECRET, "B": ""}, {"A": SECRET, "B": " "}, " (environment: B changed)"),
    ({"A": SECRET}, {"A": f"{SECRET} "}, " (environment: A changed)"),
    ({"A": SECRET, "É".encode().hex(): "ü"}, {"A": SECRET, "É".encode().hex(): "ü"}, ""),
    ({}, {}, ""),
    ({}, {"A": "1"}, " (environment: A added)"),
])  # fmt: skip
def test_the_plan_names_the_variables_that_change(
    server: Server, live: Mapping[str, str], new: Mapping[str, str], said: str
) -> None:
    live, new = ({name if name[0].isalpha() else f"_{name}": value for name, value in each.items()} for each in (live, new))
    has(server, OLD, live, "good")
    server.path("/srv/hello/live.sock").symlink_to(f"/run/hello/{OLD}.sock")
    file = wanted(new)
    assert "s3cret" not in server.read(file)[0]
    planned = server.plan(file)
    assert [change.summary for _, change in planned.changes] == [f"create {file.path}{said}"]
    assert server.apply(planned).status == 0
    assert server.path(file.path).read_text() == file.text
    assert not server.plan(file)
    server.path(file.path).write_text("A=other\n")
    assert [change.summary for _, change in server.plan(file).changes] == [f"write {file.path}"]


def test_the_first_release_has_nothing_to_compare(server: Server) -> None:
    file = wanted({"A": "1"})
    assert [change.summary for _, change in server.plan(file).changes] == [f"create {file.path}"]


def test_the_release_that_was_rolled_back_is_compared(server: Server, target: Callable[..., Target]) -> None:
    server.program("ss", "exit 0")
    has(server, NEW, {"A": "1", "B": SECRET}, "left")
    other = f"{NEW[:12]}-444444"
    app, new = target(NEW[0] * 40), environment_hashes(environment({"A": "1", "B": "2"}))
    fact = server.read(Live(app, other, app.commit))[0]
    old = parse_hashes(fact, f"left {NEW}")
    assert old and changed_variables(old, new) == "B changed" and "s3cret" not in fact
    assert parse_hashes(server.read(Live(app, other, app.commit, forced=True))[0], f"left {NEW}") is None
