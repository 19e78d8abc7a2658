"""A release that runs: its process manager's own word, the box of its checks, schedulers, and the order of its start."""

from __future__ import annotations

from xmlrpc.client import dumps

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW, OLD

REFUSE = 'switch_refuse() { echo "refused: $1"; exit 1; }\nswitch_back() { echo "back: $1"; exit 1; }\n'
FAKES = f"{REFUSE}hide_secrets() {{ cat; }}\nreason_find() {{ reason_clear; }}\nlog_from=0\n"
FAKES += f"new={NEW} health=/up code=200 site_answer=x\n"


def supervisor(managed: Managed, *answers: tuple[str, int]) -> None:
    """Make supervisor answer with these states and process ids, one for each request; the last one again and again."""
    for number, (state, pid) in enumerate(answers):
        text = dumps(({"name": "x", "statename": state, "state": 20, "pid": pid, "spawnerr": ""},), methodresponse=True)
        managed.server.path(f"/run/answer.{number}").write_text(text)
    managed.server.program(
        "curl",
        "n=$(cat /run/asked 2>/dev/null || echo 0); echo $((n + 1)) >/run/asked\n"
        f"[ $n -lt {len(answers)} ] || n={len(answers) - 1}\ncat /run/answer.$n",
    )


@pytest.mark.parametrize(("state", "pid", "printed"), [("RUNNING", 77, "77 RUNNING"), ("BACKOFF", 0, "0 BACKOFF")])
def test_supervisor_is_asked_for_state_and_process(managed: Managed, state: str, pid: int, printed: str) -> None:
    supervisor(managed, (state, pid))
    assert managed.run(f"manager_watch {NEW}") == f"{printed}\n"


@pytest.mark.parametrize(("answer", "printed"), [
    (f"hello.{NEW}   RUNNING   pid 77, uptime 0:00:05", "77 RUNNING"),
    (f"hello.{NEW}   FATAL     Exited too quickly (process log may have details)", "0 FATAL"),
    ("", "0 unknown"),
])  # fmt: skip
def test_supervisorctl_is_asked_if_the_protocol_fails(managed: Managed, answer: str, printed: str) -> None:
    managed.server.program("curl", "exit 7")
    managed.server.program("supervisorctl", f"echo '{answer}'")
    assert managed.run(f"manager_watch {NEW}") == f"{printed}\n"


def test_systemd_is_asked_for_restarts_too(managed: Managed) -> None:
    (managed.server.path(f"/srv/hello/instances/{NEW}") / "unit.service").touch()
    managed.server.program("systemctl", "printf 'NRestarts=3\\nMainPID=77\\nActiveState=active\\n'")
    assert managed.run(f"manager_watch {NEW}") == "77 active, restarted 3 times\n"


# The shell's own process is $$; a sleep is its child.
@pytest.mark.parametrize(("state", "pid", "listener", "refused"), [
    ("RUNNING", "$$", "$$", False),
    ("STARTING", "$$", "$child", False),
    ("RUNNING", "$child", "$$", True),
    ("BACKOFF", "0", "$$", True),
    ("FATAL", "0", "$$", True),
    ("EXITED", "0", "$$", True),
])  # fmt: skip
def test_the_process_that_answers_is_the_managers_own(managed: Managed, state: str, pid: str, listener: str, refused: bool) -> None:
    fakes = f'manager_watch() {{ echo "{pid} {state}"; }}\nmanager_processes() {{ echo "{listener} "; }}\n'
    said = managed.run(f"{FAKES}sleep 60 & child=$!\n{fakes}trap 'kill $child' EXIT\nsettle_managed\necho passed")
    assert ("passed" in said) is not refused
    if refused:
        assert f"The new release answers, but not by the process that supervisor started ({state})" in said


@pytest.mark.parametrize(("answers", "back"), [
    ([("RUNNING", 77)], ""),
    ([("STARTING", 77), ("RUNNING", 77)], ""),
    ([("RUNNING", 77), ("RUNNING", 78)], "supervisor says RUNNING"),
    ([("RUNNING", 77), ("BACKOFF", 0)], "supervisor says BACKOFF"),
    ([("RUNNING", 77), ("FATAL", 0)], "supervisor says FATAL"),
    ([("RUNNING", 77), ("EXITED", 0)], "supervisor says EXITED"),
])  # fmt: skip
def test_the_manager_must_keep_the_process_while_the_release_settles(
    managed: Managed, answers: list[tuple[str, int]], back: str
) -> None:
    supervisor(managed, *answers)
    fakes = "workers_grown() { :; }\nrecord_begin() { :; }\ngate_probe() { :; }\n"
    values = "settle=0.5 settle_ms=500 crashes=0\nmanaged=$(manager_watch $new)\n"
    said = managed.run(f"{FAKES}{fakes}{values}settle_wait\necho stays")
    assert ("stays" in said) is not bool(back)
    if back:
        assert f"back: The main process of the new release ended within 0.5 s after the switch: {back}" in said


RETIRED = "WARNING:  Maximum request limit of 50 exceeded. Terminating process.\n"


@pytest.mark.parametrize(("log", "back"), [("", True), (RETIRED, True), (RETIRED * 2, False), (RETIRED * 9, False)])
def test_a_worker_that_has_served_enough_requests_may_end(managed: Managed, log: str, back: bool) -> None:
    """gunicorn's max_requests ends workers of a busy app at any moment."""
    managed.server.path(f"/var/log/hello/{NEW}.log").write_text(f"Booting worker\n{log}")
    managed.server.path(f"/srv/hello/instances/{NEW}/gunicorn_start").touch()
    fakes = 'manager_processes() { echo "1 5 6 7 "; }\n'
    said = managed.run(f"{FAKES}{fakes}settle=5 processes='1 3 4 5'\nsettle_lost\necho stays")
    assert ("stays" in said) is not back
    assert ("back: Worker processes of the new release exited before it had settled (app.settle: 5 s)" in said) is back


@pytest.mark.parametrize("line", ["Worker (pid:9) was sent SIGSEGV!", "Worker (pid:9) exited with code 3"])
@pytest.mark.parametrize("moment", ["workers_grown", "record_begin"])
def test_no_worker_may_crash_after_the_gate(managed: Managed, line: str, moment: str) -> None:
    """On a slow server the other workers' start takes longer than a release has to settle."""
    log = managed.server.path(f"/var/log/hello/{NEW}.log")
    log.write_text("[ERROR] Worker (pid:8) was sent SIGSEGV!\n")
    managed.server.path(f"/srv/hello/instances/{NEW}/gunicorn_start").touch()
    supervisor(managed, ("RUNNING", 77))
    fakes = "workers_grown() { :; }\nrecord_begin() { :; }\nmanager_processes() { echo '77 '; }\n"
    fakes += "gate_bound() { :; }\ngate_probe() { code=200; }\n"
    values = "settle=0.5 settle_ms=500 start_timeout=5 health_timeout=5 module=main:app\nasked=$(clock_uptime)\n"
    run = "gate_pass\nmanaged=$(manager_watch $new)\nsettle_wait\necho stays"
    assert managed.run(f"{FAKES}{fakes}{values}{run}").endswith("stays\n")
    crash = f"{moment}() {{ echo '[ERROR] {line}' >>/var/log/hello/{NEW}.log; }}\n"
    said = managed.run(f"{FAKES}{fakes}{crash}{values}{run}")
    assert "back: Worker processes of the new release exited before it had settled (app.settle: 0.5 s)" in said


UNIT = """\
[Unit]
Description=x
[Service]
Type=notify
ExecStart=/x
User=hello
StandardOutput=append:/x
Restart=always
TimeoutStopSec=40
MemoryMax=75%
# A comment
ReadWritePaths=/srv/hello/shared /mnt/x
CapabilityBoundingSet=
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
"""


def test_a_check_runs_in_the_restrictions_of_the_unit(managed: Managed) -> None:
    (managed.server.path(f"/srv/hello/instances/{NEW}") / "unit.service").write_text(UNIT)
    managed.server.program("systemd-run", 'printf "%s\\n" "$@"; exit 7')
    said = managed.run(f"manager_run {NEW} timeout 5 'a b' || echo $?")
    assert said.splitlines() == [
        "--no-ask-password",
        "--property=User=hello",
        "--property=ReadWritePaths=/srv/hello/shared /mnt/x",
        "--property=CapabilityBoundingSet=",
        "--property=SystemCallFilter=@system-service",
        "--property=SystemCallFilter=~@privileged @resources",
        "--quiet", "--collect", "--pipe", "--wait", "--service-type=exec", f"--unit=selvedge-check-hello.{NEW}.service",
        "--description=Checks a release of hello", "--", "timeout", "5", "a b",
        "7",
    ]  # fmt: skip


@pytest.mark.parametrize(("packages", "code", "found"), [
    (["apscheduler"], "", "apscheduler"),
    (["aiocron", "rocketry"], "", "aiocron, rocketry"),
    (["fastapi_utils"], "from fastapi_utils.tasks import repeat_every", "fastapi_utils"),
    (["fastapi_utils", "schedule"], "from fastapi_utils.cbv import cbv", ""),
    (["schedule"], "schedule.every(10).minutes.do(job)", "schedule"),
    ([], "repeat_every", ""),
])  # fmt: skip
@pytest.mark.parametrize("workers", [1, 3])
def test_a_scheduler_in_more_than_one_worker_is_named(
    managed: Managed, packages: list[str], code: str, found: str, workers: int
) -> None:
    release = managed.server.path(f"/srv/hello/releases/{NEW[:12]}")
    for package in packages:
        (release / ".venv/lib/python3.11/site-packages" / package).mkdir(parents=True)
    release.mkdir(parents=True, exist_ok=True)
    (release / "main.py").write_text(code)
    (managed.server.path(f"/srv/hello/instances/{NEW}") / "gunicorn_start").write_text(f"WORKERS={workers}\n")
    said = managed.run(f"new={NEW}\nworkers_warn")
    wanted = f"@test say note: the app has {found} installed and 3 workers. " if found and workers > 1 else ""
    assert said.startswith(wanted) if wanted else said == ""


@pytest.mark.parametrize("name", [NEW, "bbbbbbbbbbbb-8c1f0e-222222", f"{NEW}r1"])
def test_sessions_in_the_memory_of_one_worker(managed: Managed, name: str) -> None:
    """Also in a release that carries files, whose name has a part more, and in a restarted one."""
    release = managed.server.path(f"/srv/hello/releases/{name.rpartition('-')[0]}")
    (release / ".venv/lib/python3.11/site-packages/socketio").mkdir(parents=True)
    folder = managed.server.path(f"/srv/hello/instances/{name}")
    folder.mkdir(exist_ok=True)
    (folder / "gunicorn_start").write_text("WORKERS=3\n")
    said = managed.run(f"new={name}\nworkers_warn")
    assert said.startswith("@test say note: the app has socketio installed and 3 workers. Clients that poll fail")
    assert said.count("\n") == 1


@pytest.mark.parametrize(("line", "option"), [
    ("exec gunicorn main:app --reload \\", "--reload"),
    ("exec gunicorn --daemon main:app", "--daemon"),
    ("exec gunicorn main:app --pid=/run/x", "--pid"),
    ("exec gunicorn -D main:app", "-D"),
    ("exec gunicorn main:app # not --reload", ""),
    ("# --reload", ""),
    ("exec gunicorn main:app --reload-engine auto --pidgin", ""),
])  # fmt: skip
def test_options_of_the_start_script_that_fight_the_manager(managed: Managed, line: str, option: str) -> None:
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text(f"#!/bin/sh\n{line}\n")
    said = managed.run(f"appserver_conflict {NEW}")
    assert said.startswith(f"The start script has the option {option}, ") if option else said == ""


def test_gunicorns_settings_have_no_effect_on_another_app_server(managed: Managed) -> None:
    folder, release = (managed.server.path(path) for path in (f"/srv/hello/instances/{NEW}", "/srv/hello/releases/x"))
    (folder / "uvicorn_start").write_text("#!/bin/sh\n")
    (folder / "run").write_text(f"#!/bin/sh\ncd {release}\n")
    release.mkdir(parents=True)
    assert managed.run(f"uvicorn_conflict {NEW}") == ""
    (release / "gunicorn.conf.py").touch()
    (folder / "env").write_text("GUNICORN_CMD_ARGS='--reload'\n")
    said = managed.run(f"uvicorn_conflict {NEW}").splitlines()
    assert [line.partition(" has no effect, because app.server is uvicorn")[0] for line in said] == [
        "@test say note: gunicorn.conf.py", "@test say note: The variable GUNICORN_CMD_ARGS",
    ]  # fmt: skip


@pytest.mark.parametrize(("lines", "file"), [
    ('DIR=/srv/x\nexec python -m gunicorn main:app \\\n  -c "$DIR/deploy/my conf.py" \\\n  --workers 2',
     "/srv/x/deploy/my conf.py"),
    ('DIR=/srv/x\nexec python -m gunicorn main:app \\\n  -c "$DIR/conf.py" \\\n  --workers 2', "/srv/x/conf.py"),
    ("exec gunicorn --config=deploy/conf.py main:app", "deploy/conf.py"),
    ("sh -c true\nexec gunicorn main:app --chdir /x", ""),
    ("exec gunicorn main:app # -c x", ""),
])  # fmt: skip
def test_the_configuration_file_of_the_start_script(managed: Managed, lines: str, file: str) -> None:
    (managed.server.path(f"/srv/hello/instances/{NEW}") / "gunicorn_start").write_text(f"#!/bin/sh\n{lines}\n")
    assert managed.run(f"gunicorn_script_file /srv/hello/instances/{NEW}/gunicorn_start") == file


def test_the_output_of_before_switch_does_not_show_the_environment(managed: Managed) -> None:
    python = managed.server.path(f"/srv/hello/releases/{NEW[:12]}/.venv/bin/python")
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/python3")
    (managed.server.path(f"/srv/hello/instances/{NEW}") / "env").write_text("TOKEN='c4nary token'\n")
    fakes = 'user_run() { shift; "$@"; }\nswitch_run() { env RELEASE=x "$@"; }\n'
    values = f"{FAKES.replace('hide_secrets() { cat; }', ':')}new={NEW} old={OLD} host=server\n"
    said = managed.run(f"{values}{fakes}before_switch='echo c4nary token $ACTION; exit 5'\nswitch_hooks")
    assert "\n••• deploy\n" in said and "c4nary token deploy" not in said, said
    assert "refused: The hook before_switch failed (exit status 5): echo c4nary token" in said


@pytest.mark.parametrize(("strategy", "migrate", "order"), [
    ("restart", "", "stop old, read gunicorn.conf.py, check settings, start"),
    ("restart", "alembic upgrade head", "stop old, read gunicorn.conf.py, check import, migrate, start"),
    ("beside", "", "read gunicorn.conf.py, check settings, start"),
    ("beside", "alembic upgrade head", "read gunicorn.conf.py, check import, migrate, start"),
])  # fmt: skip
def test_nothing_of_the_new_release_runs_beside_the_old_one(managed: Managed, strategy: str, migrate: str, order: str) -> None:
    fakes = (
        "switch_check() { :; }\nswitch_conflict() { echo read gunicorn.conf.py; }\nswitch_stop_old() { echo stop old; }\n"
        "preflight_begin() { echo check $1; }\npreflight_ok() { :; }\n"
        "migrate_run() { echo migrate; }\nswitch_start() { echo start; }\n"
    )
    said = managed.run(f"{fakes}new={NEW} old={OLD} strategy={strategy} migrate='{migrate}' module=main:app\nswitch_begin")
    assert ", ".join(said.splitlines()) == order


def test_a_payload_that_was_cut_off(managed: Managed) -> None:
    payload = managed.server.path("/run/payload")
    for text, said in (("a 3 b 4\nxxxyyyy", ""), ("a 3 b 4\nxxxyyy", "connection was lost"), ("", "connection was lost")):
        payload.write_text(text)
        assert said in managed.run("exec 3</run/payload\nprograms_read\n"), text
    assert managed.server.path("/run/undo/program.a").read_text() == "xxx"
