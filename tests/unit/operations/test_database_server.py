"""`fab status` of a server that has only the database of other servers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.shared_database import SharedDatabase
from selvedge.config.target import Target
from selvedge.operations.doctor.facts import facts_query
from selvedge.operations.support.host_status import HostStatus, status_query
from selvedge.operations.support.status_checks import check_status
from selvedge.resources.restores import half_of, half_query
from tests.support.libraries import functions


@pytest.fixture
def database(target: Callable[..., Target]) -> Target:
    shared = SharedDatabase(host="db", address="10.0.0.5", here=True, clients=(("web", "10.0.0.11"),), app_here=False)
    found = target(services={"postgres": True}, backup={"to": "/var/backups/x"})
    return found.model_copy(update={"database": shared})


@pytest.mark.parametrize(("manager", "units"), [("supervisor", ["nginx", "supervisor"]), ("systemd", ["nginx"]), ("", [])])
def test_it_needs_only_the_service_of_the_database(manager: str, units: list[str]) -> None:
    fakes = "postgres_unit() { echo postgresql@15-main; }\nsystemctl() { echo active; }\n"
    values = f"manager='{manager}' postgres=yes redis= app=hello\n"
    script = f"{functions('status', 'doctor')}{fakes}{values}status_services; doctor_manager"
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    listed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("service ")]
    assert listed == [*units, "postgresql@15-main"] and (manager or "configuration" not in done.stdout)


def test_no_process_manager_is_asked(database: Target, target: Callable[..., Target]) -> None:
    for query, function in ((status_query, "status_fact"), (facts_query, "doctor_fact")):
        calls = [[line for line in query(app).splitlines() if line.startswith(function)] for app in (database, target())]
        assert calls == [[f"{function} ''"], [f"{function} supervisor"]]


def test_while_a_restore_is_unfinished_no_remedy_is_refused(database: Target) -> None:
    """`fab postgres` and `fab backup` would be."""
    facts = "now 100\nbackup-timer active\nbackup-failed 90 no backup was taken.\nservice postgresql@15-main failed\n"
    for half in ("", "backup-half yes\n"):
        found = {each.text: each.remedy for each in check_status(database, HostStatus.parse(facts + half)) if each.level != "ok"}
        name = database.host.name
        start = "Run `sudo systemctl restart postgresql@15-main` on the server" if half else f"Run `fab -H {name} postgres`"
        assert found["postgresql@15-main is failed"].startswith(f"{start}. ")
        run = "Finish the restore, then run" if half else "Run"
        assert found["failed 10 s ago: no backup was taken."] == f"{run} `fab -H {name} backup`."


@pytest.mark.parametrize(("chosen", "flag"), [("", ""), (" 1f2e3d4c", " --snapshot 1f2e3d4c"), (" file", " --from FILE")])
def test_the_remedy_names_the_backup_that_was_being_restored(database: Target, chosen: str, flag: str) -> None:
    """Without a name, another restore takes the newest one."""
    found = [each.remedy for each in check_status(database, HostStatus.parse(f"backup-timer active\nbackup-half yes{chosen}\n"))]
    assert any(f"`fab -H {database.host.name} restore --live{flag} --app-stopped` again." in each for each in found)
    found = [each.remedy for each in check_status(database, HostStatus.parse(f"backup-timer active\nbackup-stopped yes{chosen}\n"))]
    assert any(f"restore --live{flag}` again" in each for each in found)


@pytest.mark.parametrize(("mark", "fact"), [
    ('{"at": 1, "backup": "x", "broken": [], "chosen": "1f2e3d4c"}', "half yes 1f2e3d4c"), ('{"at": 1}\n', "half yes"),
    ('{"at": 1, "chosen": "file"}', "half yes file"), ('{"chosen": "file", "whole": true}', "closed yes"), ("", "half yes"),
])  # fmt: skip
def test_the_mark_of_a_cut_restore(tmp_path: Path, mark: str, fact: str) -> None:
    state = tmp_path / "backup/state"
    state.mkdir(parents=True)
    (state / "half-restored").write_text(mark)
    script = f"{functions('restoring')}restoring_now() {{ false; }}\napp=hello base={tmp_path}\nrestoring_fact; restoring_opened\n"
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fact and (state / "half-restored").exists() is (fact != "closed yes")
    (state / "half-restored").write_text(mark)
    query = half_query("hello").replace("/srv/hello", str(tmp_path))
    done = subprocess.run(["sh"], input=query, capture_output=True, text=True, check=True)
    wanted = None if not mark or "whole" in mark else fact.removeprefix("half yes").strip()
    assert half_of(done.stdout) == wanted
