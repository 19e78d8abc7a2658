"""`fab restore --live` around the app: what stops, in which order, and what a killed run leaves to the next."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import OLD

# The app's web process, its worker and its timer run while these files exist. The shell is killed after the command `$die`.
FAKES = f"""
releases_live() {{ echo {OLD}; }}
at() {{ echo "$*"; if [ "${{die:-}}" = "$*" ]; then kill -9 $$; exit; fi; }}
manager_known() {{ [ -e /srv/web ]; }}
processes_has() {{ [ -e /srv/worker ]; }}
process_stop() {{
  rm -f /srv/worker
  at 'stop worker'
  [ -n "${{stuck:-}}" ] || rm -f /srv/web
  at 'stop web'
}}
process_start() {{ : >/srv/web; : >/srv/worker; at start; }}
timers_names() {{ echo tick; }}
timers_stop() {{ rm -f /srv/tick; at pause $*; }}
timers_start() {{ : >/srv/tick; at resume $*; }}
backup_program() {{ at program $1; [ "${{fails:-}}" != "$1" ]; }}
history_note() {{ at note; }}
gate_wait() {{ :; }}
step_by=me size= token=t migrate= migrate_timeout=20 live={OLD}
mkdir -p /run/selvedge /srv/hello/backup/state
"""
ALL = ["stop worker", "stop web", "pause tick", "program swap", "note", "start", "resume tick"]


def restore(managed: Managed, settings: str = "", *, running: str = "web worker tick") -> list[str]:
    """Restore, with `running` of the app; return what was done, and that the run came to its end."""
    for name in ("web", "worker", "tick"):
        managed.server.path(f"/srv/{name}").unlink(missing_ok=True)
    for name in running.split():
        managed.server.path(f"/srv/{name}").touch()
    said = managed.run(f"{FAKES}{settings}\nbackup_live ''\necho end")
    return [line for line in said.splitlines() if not line.startswith("@test wait")]


def state(managed: Managed) -> set[str]:
    """Return what runs, and "stopped" if the mark of an unfinished restore is there."""
    found = {name for name in ("web", "worker", "tick") if managed.server.path(f"/srv/{name}").exists()}
    return found | ({"stopped"} if managed.server.path("/srv/hello/backup/state/stopped").exists() else set())


def test_everything_stops_and_starts_again(managed: Managed) -> None:
    assert restore(managed)[-1] == "end" and restore(managed)[1:-1] == ALL
    assert state(managed) == {"web", "worker", "tick"}


def test_an_app_that_was_stopped_stays_so(managed: Managed) -> None:
    assert restore(managed, running="") == ["program restore", "program swap", "note", "end"]
    assert state(managed) == set()


@pytest.mark.parametrize("die", ["program restore", *ALL])
def test_the_next_run_finishes_what_a_killed_one_has_begun(managed: Managed, die: str) -> None:
    said = restore(managed, f"die='{die}'")
    assert said[-1] == die
    left = state(managed)
    assert ("stopped" in left) is (die != "program restore")
    again = restore(managed, running=" ".join(left - {"stopped"}))
    assert again[-1] == "end" and "program swap" in again
    assert again.index("pause tick") < again.index("program swap") < again.index("start") < again.index("resume tick")
    assert state(managed) == {"web", "worker", "tick"}


def test_a_restore_that_fails_starts_the_app(managed: Managed) -> None:
    said = restore(managed, "fails=swap")
    assert said == ["program restore", *ALL[:4], "program discard", *ALL[5:]]
    assert state(managed) == {"web", "worker", "tick"}


def test_an_app_with_half_of_its_data_stays_stopped(managed: Managed) -> None:
    """The program was killed while it replaced the data, or could not put all of it back."""
    half = "/srv/hello/backup/state/half-restored"
    said = restore(managed, f"fails=swap; : >{half}")
    assert "program discard" not in said and "start" not in said
    assert said[-1] == "@test say the restore is not finished, so the app stays stopped: run the same restore again"
    assert state(managed) == {"stopped"}
    managed.server.path(half).unlink()
    assert restore(managed, running="")[-1] == "end" and state(managed) == {"web", "worker", "tick"}


def test_half_of_the_data_of_other_servers(managed: Managed) -> None:
    """No release is live on a server that has only the database: only its user can leave the app stopped."""
    said = restore(managed, "fails=swap; : >/srv/hello/backup/state/half-restored; releases_live() { :; }", running="")
    assert "start" not in said
    assert said[-1].startswith("@test say the restore is not finished: leave the app stopped on the servers that use it,")


@pytest.mark.parametrize("status", [0, 3])
def test_the_migration_of_restored_data(managed: Managed, status: int) -> None:
    """It shows no secret, and the app does not run on a database that it has not migrated."""
    instance = managed.server.path(f"/srv/hello/instances/{OLD}")
    (instance / "run").write_text("")
    (instance / "run").chmod(0o755)
    (instance / "env").write_text("DATABASE_URL=postgres://c4nary\n")
    fakes = (
        "instance_python() { echo python3; }\nuser_run() { shift; \"$@\"; }\nswitch_run() { \"$@\"; }\n"
        f"migrate='echo cannot reach postgres://c4nary; exit {status}'\n"
        'backup_program() { at program $1; [ "$1" != swap ] || echo 1f2e3d4c >/srv/hello/backup/state/before-restore; }\n'
    )
    said = restore(managed, fakes)
    assert "@test say   cannot reach •••" in said
    assert "c4nary" not in "".join(said).replace("echo cannot reach postgres://c4nary", "")
    if status == 0:
        assert said[-1] == "end" and state(managed) == {"web", "worker", "tick"}
        return
    assert "start" not in said and state(managed) == {"stopped"}
    assert "@test error The backup was restored, but its migration failed (exit status 3): " in said[-1]
    assert ": cannot reach •••. The app stays stopped; " in said[-1]
    assert said[-1].endswith(" is in the backup 1f2e3d4c")
    assert "To take the restore back: `fab restore --live --snapshot 1f2e3d4c`." in said[-2]


def test_half_restored_data_starts_no_release(managed: Managed) -> None:
    managed.server.path("/srv/hello/backup/state").mkdir(parents=True)
    managed.server.path("/srv/hello/backup/state/half-restored").touch()
    fakes = "manager_start() { echo started; }\ndocker_need_image() { echo started; }\nswitch_refuse() { step_fail \"$@\"; }"
    for shell in (f"process_start {OLD}", "switch_check"):
        said = managed.run(f"{fakes}\nstrategy=restart new={OLD}\n{shell}")
        assert "@test error A restore was interrupted, and has replaced only a part of the live data, so the app must" in said
        assert "started" not in said


def test_an_app_that_does_not_stop(managed: Managed) -> None:
    said = restore(managed, "stuck=yes")
    assert "program swap" not in said and "resume tick" in said
    assert f"The release {OLD} could not be stopped, so nothing was restored." in said[-1]
    assert state(managed) == {"web", "worker", "tick"}


@pytest.mark.parametrize(("marks", "lock", "said"), [
    ("", "true", ""),
    ("stopped", "true", "backup-stopped yes"),
    ("not-started", "true", "backup-unstarted yes"),
    ("not-started half-restored", "true", "backup-half yes"),
    ("stopped half-restored", "true", "backup-half yes"),
    ("half-restored", "true", "backup-half yes"),
    ("stopped", "exec 6>/run/selvedge/hello.restoring", "backup-stopped yes"),
    ("stopped half-restored", "exec 6>/run/selvedge/hello.restoring; flock 6", ""),
])  # fmt: skip
def test_status_knows_a_restore_that_was_cut(managed: Managed, marks: str, lock: str, said: str) -> None:
    """One that runs holds its lock."""
    managed.server.path("/srv/hello/backup/program").mkdir(parents=True)
    marked = " ".join(f"/srv/hello/backup/state/{mark}" for mark in marks.split())
    output = managed.run(f"{FAKES}\nsystemctl() {{ echo active; }}\n[ -z '{marked}' ] || touch {marked}\n{lock}\nbackup_fact")
    assert [line for line in output.splitlines() if line != "backup-timer active"] == ([said] if said else [])
