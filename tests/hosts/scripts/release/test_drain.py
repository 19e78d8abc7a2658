"""The drain of the previous release: a unit on the server answers its open requests and stops it after the run has ended."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from selvedge.config.target import Target
from selvedge.engine.script import HEAD
from selvedge.release.live import Live
from selvedge.release.record import Releases
from selvedge.shell.quoting import assign
from tests.hosts.scripts.release.managed import CONF, Managed
from tests.support.libraries import functions
from tests.support.releases import NEW, NEWER, OLD

UNIT = "selvedge-drain-hello.{}.service"
STARTED = f"systemd-run {UNIT}"


@pytest.fixture
def switched(managed: Managed) -> Managed:
    """NEW is live, and OLD still runs. systemd is faked: its units are files, and starting one runs nothing."""
    server, base = managed.server, managed.server.path("/srv/hello")
    (base / "live.sock").unlink()
    (base / "live.sock").symlink_to(f"/run/hello/{NEW}.sock")
    (base / f"instances/{NEW}/state").write_text("good\n")
    managed.conf.write_text(managed.section(OLD).replace("true", "false") + managed.section(NEW))
    managed.listens(OLD, NEW)
    for folder in ("/run/units", "/run/selvedge", "/run/hello", "/var/log/selvedge"):
        server.path(folder).mkdir(exist_ok=True)
    server.path("/run/undo/program.drain").write_text("the script\n")
    server.program(
        "systemd-run",
        '[ ! -e /run/no-systemd ] || { echo "no systemd here"; exit 1; }\n'
        'for each; do case $each in --unit=*) unit=${each#--unit=} ;; esac; done\n'
        '[ ! -e "/run/units/$unit" ] || exit 1\n'
        'echo active >"/run/units/$unit"; echo "systemd-run $unit" >>/var/log/told; echo "$*" >/var/log/unit',
    )
    server.program(
        "systemctl",
        "case $1 in\nis-active) cat /run/units/$2 2>/dev/null || echo inactive ;;\n"
        'stop) echo "$*" >>/var/log/told; rm -f "/run/units/$2" ;; esac',
    )
    server.program("sleep", ":")
    return managed


def drains(managed: Managed, instance: str, state: str = "active") -> None:
    """Pretend that a unit drains the instance."""
    managed.server.path(f"/run/selvedge/hello.{instance}.drain").write_text("the script\n")
    managed.server.path(f"/run/units/{UNIT.format(instance)}").write_text(f"{state}\n")


def begin(managed: Managed) -> str:
    return managed.run(f"new={NEW} drain=30 stop_timeout=20\nswitch_drain_others")


def script(shell: str, drain: int = 0) -> str:
    """Return the script of a drain that calls this shell."""
    names = assign(
        app="hello", base="/srv/hello", run_dir="/run/hello", log_dir="/var/log/hello", live_socket="/srv/hello/live.sock",
        supervisor_conf=CONF.format(app="hello"), drain=drain, keep=1, mark="drain",
    )  # fmt: skip
    return f"{HEAD}{names}\n{functions('drain')}\n{shell}\n"


def test_every_other_running_release_is_drained_once(switched: Managed) -> None:
    switched.instance(NEWER)
    assert begin(switched) == ""
    assert switched.told == [f"stop {UNIT.format(OLD)}", STARTED.format(OLD)], "NEW is live, and NEWER does not run"
    assert begin(switched) == "" and len(switched.told) == 2
    copy = switched.server.path(f"/run/selvedge/hello.{OLD}.drain")
    assert copy.read_text() == "the script\n"
    given = switched.server.path("/var/log/unit").read_text().strip()
    assert given.endswith(f"/bin/sh /run/selvedge/hello.{OLD}.drain {OLD}")
    assert "--collect" in given and "RuntimeMaxSec=110" in given and "TimeoutStopSec=50" in given


def test_a_run_waits_for_the_drain_if_systemd_cannot_start_it(switched: Managed) -> None:
    switched.server.path("/run/no-systemd").touch()
    switched.server.path("/run/undo/program.drain").write_text("echo drains $* >>/var/log/told\n")
    said = f"could not drain {OLD} in the background, so this run waits until it has stopped: no systemd here"
    assert begin(switched).startswith(f"@test say {said}\n@test wait waiting for {OLD} to answer its open requests and stop\n")
    assert switched.told == [f"stop {UNIT.format(OLD)}", f"drains {OLD} waited"]


def test_a_run_that_waits_for_a_drain_does_not_wait_for_its_own_lock(switched: Managed) -> None:
    """The run holds the lock that the end of a drain waits for before it removes old releases."""
    switched.server.program("flock", 'case $* in "-w "*) echo "$*" >>/var/log/told ;; esac\nexec /usr/bin/flock "$@"')
    switched.instance(NEWER)
    switched.server.run(script(f"drain_run {OLD} waited"))
    assert switched.told == [f"update hello.{OLD}"] and OLD not in switched.boots()
    assert switched.server.path(f"/srv/hello/instances/{NEWER}").exists(), "the run removes it"


def test_a_full_folder_of_drains_does_not_fail_the_switch(switched: Managed) -> None:
    switched.server.program("cp", 'case $* in *.drain) echo "cp: No space left on device" >&2; exit 1 ;; esac\nexec /bin/cp "$@"')
    switched.server.path("/run/undo/program.drain").write_text("echo drains $1 >>/var/log/told\n")
    assert "this run waits until it has stopped: cp: No space left on device" in begin(switched)
    assert switched.told[-1] == f"drains {OLD}"


def test_a_release_that_does_not_listen_is_stopped_at_once(switched: Managed) -> None:
    """With app.strategy = "restart" the previous release has stopped before the switch: it has no requests to answer."""
    switched.listens(NEW)
    begin(switched)
    assert switched.told == [f"update hello.{OLD}"] and switched.boots() == {NEW: True}


def test_a_full_disk_loses_no_section_of_another_release(switched: Managed) -> None:
    """The release stops, and a boot still starts the live one: the file was not replaced by an incomplete one."""
    sed = 'case $* in *autostart*) echo "sed: No space left on device" >&2; exit 4 ;; esac\nexec /bin/sed "$@"'
    switched.server.program("sed", sed)
    before = switched.conf.read_text()
    switched.run(f"(manager_stop {OLD}) || echo failed")
    assert switched.conf.read_text() == before
    assert switched.told == [f"stop hello.{OLD}"]


def test_a_full_disk_does_not_keep_requests_from_the_previous_release(switched: Managed) -> None:
    """The new release fails after the switch, when no file can be written."""
    switched.server.program("sed", 'case $* in *autostart*) exit 4 ;; esac\nexec /bin/sed "$@"')
    names = f"new={NEW} old={OLD} old_current=releases/{OLD[:12]} strategy=beside preflight= log_from=0 keep=1"
    fakes = "switch_refuse() { echo \"refused: $1\"; }\ngate_site() { false; }"
    said = switched.run(f"{names}\n{fakes}\nswitch_back 'It failed.'")
    assert said.endswith("refused: It failed.\n") and "could not write which release a boot starts" in said
    live = switched.server.path("/srv/hello/live.sock").readlink()
    assert str(live) == f"/run/hello/{OLD}.sock"


@pytest.mark.parametrize("state", ["active", "deactivating", "inactive", "failed", ""])
def test_a_draining_release_is_not_taken_for_a_leftover(
    switched: Managed, target: Callable[..., Target], state: str
) -> None:
    """Without its unit, e.g. after a crash, the next deploy stops it."""
    switched.server.path("/srv/hello/current").symlink_to(f"releases/{NEW[:12]}")
    if state:
        drains(switched, OLD, state)
    resource = Live(target("b" * 40), NEW)
    fact = switched.server.read(resource)[0]
    found, change = Releases.parse(fact), resource.plan(fact)
    assert found.running == (OLD, NEW)
    if state in ("active", "deactivating"):
        assert (found.draining, found.boots, change) == ((OLD,), True, None)
    else:
        assert found.draining == () and change and OLD in change.summary


def test_another_app_is_another_unit(switched: Managed) -> None:
    switched.server.path(f"/run/selvedge/hello-2.{OLD}.drain").touch()
    switched.server.path(f"/run/units/selvedge-drain-hello-2.{OLD}.service").write_text("active\n")
    assert switched.run("releases_drains") == ""


def test_the_drain_stops_the_release_and_removes_what_is_old(switched: Managed) -> None:
    drains(switched, OLD)
    for name in (f"{NEW}r1", NEWER):
        switched.instance(name)
    base = switched.server.path("/srv/hello")
    (base / f"instances/{NEW}r1/state").write_text("good\n")
    (base / f"instances/{NEWER}/state").write_text("bad\n")
    switched.server.run(script(f"drain_run {OLD}"))
    assert switched.told == [f"update hello.{OLD}"]
    assert switched.boots() == {NEW: True}
    log = switched.server.path("/var/log/selvedge/hello.log").read_text()
    assert log.startswith("drain 2") and log.endswith(f"Z {OLD} was stopped\n") and log.count("\n") == 1, log
    assert not switched.server.path(f"/run/selvedge/hello.{OLD}.drain").exists()
    kept = {each.name for each in (base / "instances").iterdir()}
    assert kept == {OLD, NEW, NEWER}, "a copy of the live release that is not live is of no use"


def test_a_release_that_is_live_again_keeps_running(switched: Managed) -> None:
    drains(switched, NEW)
    switched.server.run(script(f"drain_run {NEW}"))
    assert switched.told == [] and switched.boots() == {OLD: False, NEW: True}
    assert f"{NEW} is live again and keeps running" in switched.server.path("/var/log/selvedge/hello.log").read_text()


def test_a_release_that_cannot_be_stopped_is_logged(switched: Managed) -> None:
    switched.server.run(script(f"manager_stop_web() {{ echo no room; false; echo goes on; }}\ndrain_run {OLD}"))
    log = switched.server.path("/var/log/selvedge/hello.log").read_text()
    assert log.startswith("no room\n") and log.endswith(f"could not stop {OLD}; the next deploy tries again\n"), log


@pytest.mark.parametrize("lock", ["lock", "step"])
def test_a_drain_removes_nothing_during_a_run(switched: Managed, lock: str) -> None:
    """The run may be building a release: that has no state yet."""
    building = switched.server.path(f"/srv/hello/instances/{NEWER}")
    building.mkdir()
    switched.server.program("flock", '[ "$1" = -w ] && shift 2 && set -- -n "$@"\nexec /usr/bin/flock "$@"')
    held = script(f"exec 5>/run/selvedge/hello.{lock}\nflock -n 5\ndrain_run {OLD} 5>&-")
    switched.server.run(held)
    assert building.exists() and switched.told == [f"update hello.{OLD}"]
    switched.server.run(script(f"drain_run {OLD}"))
    assert not building.exists()


def test_what_cannot_be_removed_is_logged(switched: Managed) -> None:
    switched.instance(NEWER)
    switched.server.program("rm", 'case $* in *instances*) echo "rm: no" >&2; exit 1 ;; esac\nexec /bin/rm "$@"')
    switched.server.run(script(f"drain_run {OLD}"))
    log = switched.server.path("/var/log/selvedge/hello.log").read_text()
    assert log.startswith("drain 2") and "\nrm: no\n" in log
    assert log.endswith("could not remove all old releases; the next deploy tries again\n"), log


def started(managed: Managed, drain: int) -> subprocess.Popen[bytes]:
    """Start the drain of OLD as its unit does; it says when it waits and when it stops the release."""
    managed.server.program("sleep", 'echo waits >>/var/log/told; exec /bin/sleep "$1"')
    managed.server.program("ss", f'case $* in *established*) echo " /run/hello/{OLD}.sock " ;; esac')
    managed.server.program("supervisorctl", 'echo stops >>/var/log/told; /bin/sleep 1; echo stopped >>/var/log/told')
    managed.server.path("/run/drain").write_text(script(f"drain_run {OLD}", drain))
    command = ["nsenter", f"--mount={managed.server.namespace()}", "/bin/sh", "/run/drain"]
    return subprocess.Popen(command, cwd="/", start_new_session=True)


def until_told(managed: Managed, word: str) -> None:
    deadline = time.monotonic() + 10
    while word not in managed.told:
        assert time.monotonic() < deadline, managed.told
        time.sleep(0.02)


@pytest.mark.parametrize(("drain", "word", "ends"), [(60, "waits", -signal.SIGTERM), (0, "stops", 0)])
def test_a_cancelled_drain_leaves_the_release_running_or_stopped(switched: Managed, drain: int, word: str, ends: int) -> None:
    """TERM ends it while it waits. From then on it stops the release to the end."""
    process = started(switched, drain)
    until_told(switched, word)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == ends
    assert ("stopped" in switched.told) == (ends == 0) == (OLD not in switched.boots())


def test_a_run_that_cancels_a_drain_does_not_wait_for_its_own_lock(switched: Managed) -> None:
    """The drain is already stopping the release. Afterwards it must not wait for the lock to remove old releases."""
    process = started(switched, 0)
    with switched.server.path("/run/selvedge/hello.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        until_told(switched, "stops")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert "stopped" in switched.told


def starts(managed: Managed, **values: str) -> list[str]:
    names = assign(new=OLD, old=NEW, why="rollback", **values)
    managed.run(f"{names}\nlog_from=0\nswitch_start")
    return managed.told


def test_a_rollback_to_a_draining_release_finds_it_running(switched: Managed) -> None:
    drains(switched, OLD)
    switched.server.program("supervisorctl", 'echo "$*" >>/var/log/told; echo "$2 RUNNING"')
    assert starts(switched) == [f"stop {UNIT.format(OLD)}", f"status hello.{OLD}"]
    assert not switched.server.path(f"/run/selvedge/hello.{OLD}.drain").exists()


def test_a_rollback_to_a_release_that_the_drain_has_stopped_starts_it(switched: Managed) -> None:
    drains(switched, OLD, "deactivating")
    switched.conf.write_text(switched.section(NEW))
    switched.answers(f"hello.{OLD}: added process group")
    assert starts(switched) == [f"stop {UNIT.format(OLD)}", f"status hello.{OLD}", f"update hello.{OLD}"]
    assert switched.boots() == {OLD: False, NEW: True}


def test_the_end_of_a_release_is_not_taken_for_the_end_of_its_next_start(switched: Managed) -> None:
    """The drain stops it while the rollback waits: its last line is in the log after the rollback has begun."""
    drains(switched, OLD, "deactivating")
    switched.conf.write_text(switched.section(NEW))
    switched.answers(f"hello.{OLD}: added process group")
    log = f"/var/log/hello/{OLD}.log"
    stop = f"echo 'Shutting down: Master' >>{log}"
    switched.server.program("systemctl", f"case $1 in is-active) echo deactivating ;; stop) {stop} ;; esac")
    names = assign(new=OLD, old=NEW, why="rollback")
    shell = f"{names}\ngate_log_begin\nswitch_start\necho 'Booting worker with pid: 7' >>{log}\ngate_log"
    said = [line for line in switched.run(shell).splitlines() if not line.startswith("@test")]
    assert said == ["Booting worker with pid: 7"]
    assert "Shutting down: Master" in switched.server.path(log).read_text()


def test_a_release_that_an_interrupted_drain_left_is_started_again(switched: Managed) -> None:
    """It may hang, because it has run without a unit for an unknown time."""
    switched.server.path(f"/run/selvedge/hello.{OLD}.drain").touch()
    told = starts(switched)
    assert told[0] == f"stop hello.{OLD}"


REMOVE = "remove_site() { :; }\nsite_enabled=/etc/site data=\nremove_app /srv/hello/live.sock"


@pytest.mark.parametrize("shell", [f"process_stop {NEW}", REMOVE], ids=["stop", "remove"])
@pytest.mark.parametrize("state", ["active", "failed"])
def test_stop_and_remove_end_all_releases(switched: Managed, shell: str, state: str) -> None:
    """Also one whose drain was killed, and that nothing would stop before the next deploy."""
    drains(switched, OLD, state)
    said = switched.run(f"{functions('process')}\n{functions('remove')}\nstep_by=me\n{shell}")
    backups = [f"stop selvedge-hello-{each}.service" for each in ("backup", "rehearsal")] if shell == REMOVE else []
    assert switched.told == [*backups, f"stop {UNIT.format('*')}", f"update hello.{OLD}", f"update hello.{NEW}"]
    assert f"@test wait waiting for {OLD} to answer its open requests and stop\n" in said
    assert switched.boots() == {} and not switched.server.path(f"/run/selvedge/hello.{OLD}.drain").exists()


def test_a_boot_starts_no_draining_release(switched: Managed) -> None:
    """The file keeps its section, without which `supervisorctl update` would stop it."""
    drains(switched, OLD)
    ask = f"if manager_boots {NEW}; then echo boots; fi"
    assert switched.run(f"{ask}\nmanager_rewrite {NEW}\n{ask}") == "boots\nboots\n"
    assert switched.boots() == {OLD: False, NEW: True}
    switched.server.path(f"/run/units/{UNIT.format(OLD)}").unlink()
    assert switched.run(f"{ask}\nmanager_rewrite {NEW}\n{ask}") == "boots\n"
    assert switched.boots() == {NEW: True}


def test_two_writers_of_supervisors_file_wait_for_each_other(switched: Managed) -> None:
    """A drain removes its section while a run adds one."""
    switched.server.program("sync", 'case $* in *hello.conf*) /bin/sleep 0.2 ;; esac')
    switched.instance(NEWER)
    switched.run(f"supervisor_stop {OLD} & supervisor_write '{NEWER} {NEW}' supervisor_with {NEWER} & wait")
    assert switched.boots() == {NEW: True, NEWER: True}


def test_a_release_that_drains_needs_no_further_memory(switched: Managed) -> None:
    switched.server.program("awk", "case $* in *MemAvailable*) echo 0 ;; *) echo 9 ;; esac")
    room = f"new={OLD} old={NEW}\nmanager_processes() {{ :; }}\nswitch_refuse() {{ echo refused; }}\nworkers_room"
    assert switched.run(room) == "refused\n"
    drains(switched, OLD)
    assert switched.run(room) == ""
