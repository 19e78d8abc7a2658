"""Kubernetes: what single servers have of their own under [hosts.NAME.processes] and [hosts.NAME.timers]."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.exports import Exported
from tests.unit.exports.test_platforms import documents

Make = Callable[..., Exported]
TABLES = """
[processes.worker]
command = "celery worker"
count = 2
[timers.daily]
command = "clean"
schedule = "daily"
hosts = ["a", "c"]
[hosts.a]
[hosts.b]
[hosts.b.processes.worker]
count = 5
[hosts.c]
[hosts.c.processes.worker]
count = 0
[hosts.c.processes.mailer]
command = "mail"
count = 3
[hosts.c.timers.report]
command = "report"
schedule = "hourly"
"""
GROUPS = '[groups]\nproduction = ["a", "b"]\nstaging = ["c"]\n'


def overlay(made: Exported, group: str) -> tuple[dict[str, int], list[str]]:
    """Return the replicas of an overlay, and the CronJobs that it deletes."""
    [found] = documents(made.text(f"kubernetes/overlays/{group}/kustomization.yaml"))
    counts = {each["name"]: each["count"] for each in found["replicas"]}
    return counts, [each["target"]["name"] for each in found.get("patches", [])]


def named(made: Exported, part: str) -> list[Any]:
    return [each["metadata"]["name"] for each in documents(made.text(f"kubernetes/base/{part}.yaml")) if each]


@pytest.mark.parametrize(("groups", "expected"), [
    (GROUPS, {"production": ({"shop": 2, "shop-worker": 7, "shop-mailer": 0}, ["shop-report"]),
              "staging": ({"shop": 1, "shop-worker": 0, "shop-mailer": 3}, [])}),
    ("", {"a": ({"shop": 1, "shop-worker": 2, "shop-mailer": 0}, ["shop-report"]),
          "b": ({"shop": 1, "shop-worker": 5, "shop-mailer": 0}, ["shop-daily", "shop-report"]),
          "c": ({"shop": 1, "shop-worker": 0, "shop-mailer": 3}, [])}),
    # The overlays have no server with them.
    ('[groups]\nproduction = ["a", "b"]\n', {"production": ({"shop": 2, "shop-worker": 7}, [])}),
])  # fmt: skip
def test_each_overlay_runs_what_its_servers_run(
    exported: Make, groups: str, expected: dict[str, tuple[dict[str, int], list[str]]]
) -> None:
    made = exported(TABLES + groups)
    said = made.make("kubernetes")
    assert {group: overlay(made, group) for group in expected} == expected
    [(counts, _), *_] = expected.values()
    assert named(made, "processes") == [name for name in counts if name != "shop"]
    assert named(made, "timers") == ["shop-daily", *(["shop-report"] if "shop-mailer" in counts else [])]
    assert "is left out" not in said


def test_processes_and_timers_of_single_servers_only(exported: Make) -> None:
    own = TABLES.partition("count = 0\n")[2].replace("hosts.c", "hosts.b")
    made = exported(f"[hosts.a]\n[hosts.b]\n{own}")
    made.make("kubernetes")
    assert named(made, "processes") == ["shop-mailer"] and named(made, "timers") == ["shop-report"]
    assert overlay(made, "a") == ({"shop": 1, "shop-mailer": 0}, ["shop-report"])


def test_other_settings_of_single_servers_are_named_as_left_out(exported: Make) -> None:
    own = '[hosts.a.processes.worker]\ncommand = "other"\nstop_signal = "INT"\n[hosts.a.timers.daily]\nschedule = "hourly"\n'
    made = exported(TABLES.replace("[hosts.a]\n", own) + GROUPS)
    said = made.make("kubernetes").splitlines()
    assert [line.partition(" is left out")[0] for line in said if " is left out" in line] == [
        "hosts.a.processes.worker.command", "hosts.a.processes.worker.stop_signal", "hosts.a.timers.daily.schedule",
    ]  # fmt: skip
    assert "celery worker" in made.text("kubernetes/base/processes.yaml")


def test_one_server_alone_says_that_two_must_not_run(exported: Make) -> None:
    made = exported(TABLES.replace("[hosts.a]\n", "[hosts.a.processes.worker]\ncount = 1\noverlap = false\n") + GROUPS)
    assert "hosts.a.processes.worker.overlap is left out" in made.make("kubernetes")
    assert overlay(made, "production")[0]["shop-worker"] == 1


@pytest.mark.parametrize("edit", [
    {"kustomization.yaml": "kind: Kustomization\n"}, {"kustomization.yaml": None}, {"patch.yaml": "{}\n"},
    {"notes.txt": "mine\n"}, {},
])  # fmt: skip
def test_a_copy_of_an_overlay_is_yours(exported: Make, edit: dict[str, str | None]) -> None:
    made = exported(TABLES + GROUPS, domains=["shop.example.com"])
    made.make("kubernetes")
    mine = made.folder / "kubernetes/overlays/mine"
    shutil.copytree(made.folder / "kubernetes/overlays/production", mine)
    for name, text in edit.items():
        if text is None:
            (mine / name).unlink()
        else:
            (mine / name).write_text(text)
    before = {path.name: path.read_text() for path in mine.iterdir()}
    shutil.copytree(made.folder / "kubernetes/base", made.folder / "kubernetes/other")
    assert "deleted" not in made.make("kubernetes")
    assert {path.name: path.read_text() for path in mine.iterdir()} == before


def test_the_files_of_a_group_that_hosts_toml_has_no_more_are_deleted_if_no_file_there_is_yours(exported: Make) -> None:
    made = exported(TABLES + GROUPS)
    made.make("kubernetes")
    made.settings(TABLES + '[groups]\nlive = ["a", "b"]\nstaging = ["c"]\n')
    (made.folder / "kubernetes/overlays/production/patch.yaml").write_text("{}\n")
    assert "deleted" not in made.make("kubernetes")
    (made.folder / "kubernetes/overlays/production/patch.yaml").unlink()
    said = made.make("kubernetes")
    assert all(f"deleted    kubernetes/overlays/production/{name}.yaml" in said for name in ("kustomization", "namespace"))
    assert not list((made.folder / "kubernetes/overlays/production").iterdir())


HOSTS = """
[hosts.a]
[hosts.b]
app = { domains = ["b.example.com"] }
[hosts.c]
app = { domains = ["s.example.com", "t.example.com"] }
[hosts.d]
app = { health_host = "d.internal" }
[hosts.e]
app = { workers = 7 }
[groups]
production = ["a", "b"]
staging = ["c"]
inner = ["d"]
"""


@pytest.mark.parametrize(("status", "kind"), [([], "httpGet"), ([200], "exec")])
def test_the_probes_of_a_group_ask_for_its_own_host(exported: Make, status: list[int], kind: str) -> None:
    made = exported(HOSTS, domains=["shop.example.com"], **({"health_status": status} if status else {}))
    said = made.make("kubernetes")
    hosts = {}
    for group in ("production", "staging", "inner"):
        [found] = documents(made.text(f"kubernetes/overlays/{group}/kustomization.yaml"))
        for patch in found.get("patches", []):
            [container] = documents(patch["patch"])[0]["spec"]["template"]["spec"]["containers"]
            asked = [container[probe][kind] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
            hosts[group] = {str(each) for each in asked}
    assert hosts.keys() == {"staging", "inner"}
    assert [len(each) for each in hosts.values()] == [1, 1]
    assert "s.example.com" in str(hosts["staging"]) and "d.internal" in str(hosts["inner"])
    assert [line for line in said.splitlines() if "is left out" in line] == [
        "hosts.b.app.domains is left out: the overlay production has the value of a.",
        "hosts.e.app.workers is left out: the server is in no group, so it has no overlay.",
    ]  # fmt: skip
