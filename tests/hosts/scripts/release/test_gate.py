"""The health gate: answers, starts that take long or fail, further workers, and the request through nginx."""

from __future__ import annotations

import pytest

from selvedge.release.live import PROGRAMS
from tests.hosts.scripts.release.managed import Managed
from tests.support.libraries import functions
from tests.support.releases import NEW

# A process that starts with one child and makes one more for each TTIN, as gunicorn does, or that ignores signals.
GUNICORN = """
sh -c 'trap "{heard}" TTIN; sleep 60 & while :; do wait; done' &
parent=$!
trap 'kill -9 $parent $(pgrep -P $parent)' EXIT
until child=$(pgrep -P $parent); do sleep 0.01; done
echo "new.sock users:((pid=$parent,fd=5),(pid=$child,fd=5))" | sed 's#new#x x /run/hello/{new}#; s#sock#sock x#' >/run/sockets
"""


@pytest.mark.parametrize(("line", "heard", "count"), [
    ("WORKERS=4", "sleep 60 &", 4),
    ("WORKERS=$(($(echo 2) + 1))", "sleep 60 &", 3),
    ("SELVEDGE_WORKERS=4", "sleep 60 &", 4),
    ("WORKERS=1", "sleep 60 &", 1),
    ("WORKERS=2", ":", 1),
    ("WORKERS=4; [ -e /srv/small ] && WORKERS=2", "sleep 60 &", 4),
    ("# of a template of one's own", "sleep 60 &", 1),
])  # fmt: skip
def test_after_the_gate_gunicorn_starts_the_other_workers(
    managed: Managed, line: str, heard: str, count: int
) -> None:
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text(f"#!/bin/sh\n{line}\n")
    (folder / "one").touch()
    start = GUNICORN.format(heard=heard, new=NEW)
    show = "echo $(pgrep -c -P $parent) $(workers_parent $(manager_processes $new)) $parent"
    said = managed.run(f"{start}\nnew={NEW} took=0\nworkers_grow\nworkers_grown\n{show}")
    workers, gunicorn, parent = said.splitlines()[-1].split()
    assert (int(workers), gunicorn) == (count, parent)
    assert not (folder / "one").exists()


@pytest.mark.parametrize(("took", "ready", "waits"), [(1999, 1, 0), (3900, 1, 2), (3900, 3, 0)])
def test_the_other_workers_of_a_slow_app_are_waited_for(managed: Managed, took: int, ready: int, waits: int) -> None:
    """At most as long as the first needed."""
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text("WORKERS=3\n")
    managed.server.path(f"/var/log/hello/{NEW}.log").write_text("Application startup complete.\n" * ready)
    managed.server.program("sleep", "echo $1 >>/var/log/told")
    fake = "workers_parent() { echo 1; }\nworkers_count() { echo 1; }\nworkers_add_one() { return 1; }\n"
    clock = "clock_uptime() { echo $(($(wc -l </var/log/told) * 3000)); }\n: >/var/log/told\n"
    managed.run(f"{fake}{clock}new={NEW} took={took} log_from=0\nworkers_grow")
    assert managed.told == ["0.2"] * waits


def test_all_workers_start_at_once_if_the_first_needs_long(managed: Managed) -> None:
    folder = managed.server.path(f"/srv/hello/instances/{NEW}")
    (folder / "gunicorn_start").write_text("WORKERS=3\n")
    (folder / "one").touch()
    fake = "workers_add() { echo adds $1; }\nclock_uptime() { echo $now; }\n"
    call = "workers_early\nwait\n"
    said = managed.run(f"{fake}new={NEW} asked=1000 took=9000\nnow=5900\n{call}now=6100\n{call}now=9000\n{call}")
    assert said == "adds 3\n"
    assert not (folder / "one").exists()


@pytest.mark.parametrize(("site", "tls", "asked"), [
    ("    server_name _;", "", "http://203.0.113.10/health"),
    ("    server_name old.test www.old.test;", "", "http://old.test/health"),
    ("    server_name old.test;", "    server_name tls.test www.tls.test;", "https://tls.test/health"),
])  # fmt: skip
@pytest.mark.parametrize(("answer", "wrong"), [
    ("HTTP/1.1 200 OK\\r\\nX-Release: new\\r\\n", ""),
    ("HTTP/2 200\\r\\nx-release: new\\r\\n", ""),
    ("HTTP/1.1 200 OK\\r\\nX-Release: other\\r\\n", "200 from release other"),
    ("HTTP/1.1 503 Unavailable\\r\\nX-Release: new\\r\\n", "503 from release new"),
    ("HTTP/1.1 200 OK\\r\\n", "200"),
    ("", ""),
])  # fmt: skip
def test_the_site_is_requested_by_a_name_that_nginx_knows(
    managed: Managed, site: str, tls: str, asked: str, answer: str, wrong: str
) -> None:
    """The first of `domains` may have changed; nginx gets its new names after the switch."""
    sites = managed.server.path("/etc/nginx/sites-enabled")
    sites.mkdir(parents=True)
    (sites / "hello").write_text(f"server {{\n{site}\n}}\n")
    if tls:
        (sites / "hello-tls").write_text(f"server {{\n{tls}\n}}\n")
    managed.server.program("systemctl", "exit 0")
    stamp = managed.server.path("/var/lib/selvedge/loaded/nginx-hello")
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    managed.server.program("curl", f'echo "$*" >/var/log/asked; printf "{answer}"')
    said = managed.run(
        f"{functions('gate')}\nnew=new header=1 health=/health health_host=localhost health_timeout=1 health_ranges=200-399\n"
        "site_enabled=/etc/nginx/sites-enabled/hello site_login=/none site_host=203.0.113.10 site_follow=yes\n"
        'if gate_site; then echo yes; else echo "no: $site_problem"; fi'
    )
    problem = f"no: After the switch, nginx did not answer GET {asked} from the new release: it answered {wrong or 'nothing'}."
    assert said.startswith(problem) if wrong or not answer else said == "yes\n"
    command = managed.server.path("/var/log/asked").read_text()
    assert command.endswith(f"-- {asked}\n") and "--noproxy *" in command
    if "503" in answer:
        page = managed.server.path("/etc/nginx/selvedge/hello.maintenance/site.conf")
        page.parent.mkdir(parents=True)
        page.write_text("# On since 2026-11-30T08:02:11Z me@laptop\n")
        kept = managed.run(
            f"{functions('gate')}\nnew=new header=1 health=/health health_host=localhost health_timeout=1 health_ranges=200-399\n"
            "site_enabled=/etc/nginx/sites-enabled/hello site_login=/none site_host=203.0.113.10 site_follow=yes\n"
            'gate_site && echo "$site_answer"'
        )
        assert kept == f"GET {asked} answered 503 with the maintenance page, which visitors get until `fab maintenance --off`\n"
    managed.server.path("/var/lib/selvedge/loaded/nginx-hello").unlink()
    # nginx has not loaded the site yet: someone made it by hand.
    assert "yes" in managed.run("site_enabled=/etc/nginx/sites-enabled/hello\ngate_site && echo yes")


@pytest.mark.parametrize(("prefix", "health", "asked"), [
    ('    proxy_set_header X-Forwarded-Prefix "/old";\n', "/health", "http://a.test/old/health"),
    ("", "/old/health", "http://a.test/old/health"),
    ("", "/old", "http://a.test/old"),
    # The app moves to another path, which nginx learns after the switch.
    ("", "/oldest", ""),
    ("", "/new/health", ""),
])  # fmt: skip
def test_an_app_with_a_path_is_requested_at_the_path_that_nginx_knows(
    managed: Managed, prefix: str, health: str, asked: str
) -> None:
    for path in ("/etc/nginx/selvedge/sites/a.test/app.conf", "/etc/nginx/sites-enabled/app", "/var/lib/selvedge/loaded/nginx-app"):
        managed.server.path(path).parent.mkdir(parents=True, exist_ok=True)
        managed.server.path(path).write_text(f"location ^~ /old/ {{\n{prefix}}}\nlocation = /old {{\n}}\n")
    managed.server.program("systemctl", "exit 0")
    managed.server.program("curl", 'echo "$*" >/var/log/asked; printf "HTTP/1.1 200 OK\\r\\nX-Release: new\\r\\n"')
    said = managed.run(
        f"{functions('gate')}\napp=app new=new header=1 health={health} health_host=localhost health_timeout=1\n"
        "health_ranges=200-399\n"
        "site_enabled=/etc/nginx/sites-enabled/app site_login=/none site_host=b.test site_follow=no\n"
        "if gate_site; then echo yes; fi"
    )
    log = managed.server.path("/var/log/asked")
    assert said == "yes\n" and (log.read_text().split()[-1] if log.exists() else "") == asked


def gate(managed: Managed, answers: str, log: str = "", **more: str) -> list[str]:
    """Return what the gate says if curl prints the answers of this shell, and the release has this log. `$n`: requests so far.

    Each request takes two seconds of a fake clock.
    """
    count = "n=$(cat /run/asked 2>/dev/null || echo 0)\necho $((n + 1)) >/run/asked\n"
    managed.server.program("curl", f"{count}{answers}")
    managed.server.program("sleep", "exit 0")
    managed.server.path(f"/var/log/hello/{NEW}.log").write_text(log)
    managed.server.path(f"/srv/hello/instances/{NEW}/gunicorn_start").touch()
    values = {
        "new": NEW, "health": "/up", "health_host": "a", "health_timeout": "1.0", "health_ranges": "200-399",
        "health_attempts": "40", "health_interval": "0", "scheme": "http", "log_from": "0", "module": "main:app",
        "start_timeout": "120", "strategy": "beside", "asked": "0", "growing": "none", **more,
    }  # fmt: skip
    python = managed.server.path(f"/srv/hello/releases/{values['new'].rpartition('-')[0]}/.venv/bin/python")
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/python3")
    fakes = (
        "gate_crashed() { return 1; }\ngate_bound() { :; }\nhide_secrets() { cat; }\nmanager_starved() { return 1; }\n"
        "clock_uptime() { echo $(($(cat /run/asked 2>/dev/null || echo 0) * 2000)); }\n"
        "switch_refuse() { echo \"refused: $1\"; exit 1; }\n"
        "preflight_routes() { echo /health, /items; }\nuser_run() { shift; \"$@\"; }\n"
    )
    program = f"cat >/run/undo/program.remedy <<'END'\n{PROGRAMS['remedy'].decode()}\nEND\n"
    assigned = "\n".join(f"{name}='{value}'" for name, value in values.items())
    return managed.run(f"{fakes}{program}{assigned}\ngate_pass\n").splitlines()


@pytest.mark.parametrize("text", ["\0", "caf\udce9"])
def test_an_output_that_is_no_text(managed: Managed, text: str) -> None:
    """Of such an output grep prints nothing but that it is binary."""
    managed.server.path("/run/undo/shown").write_bytes(f"{text}\n\nRuntimeError: no warehouse\n".encode(errors="surrogateescape"))
    assert managed.run(f"new={NEW}\nreason_sentence") == "RuntimeError: no warehouse\n"


def test_an_app_that_prints_much_fills_no_memory(managed: Managed) -> None:
    """/run is memory. Secrets are hidden before the output is shortened."""
    prints = "yes | head -c 9000000 | { cat; echo end; }"
    shown = "stat -c %s /run/undo/shown; tail -n 1 /run/undo/shown"
    said = managed.run(f"hide_secrets() {{ cat; }}\n{prints} | reason_hide\n{shown}")
    assert said == "262144\nend\n"


def test_a_release_that_carries_files_gets_its_remedy_too(managed: Managed) -> None:
    """Its name has a part more."""
    name = "bbbbbbbbbbbb-8c1f0e-222222"
    for folder in (f"/srv/hello/instances/{name}", "/var/log/hello"):
        managed.server.path(folder).mkdir(parents=True, exist_ok=True)
    log = LIFESPAN + FAILED.format("OSError: [Errno 98] Address already in use")
    managed.server.path(f"/var/log/hello/{name}.log").write_text(log)
    managed.server.path(f"/srv/hello/instances/{name}/gunicorn_start").touch()
    assert 'Set app.strategy = "restart"' in gate(managed, 'printf "000 "', new=name)[-1]


def test_the_user_sees_what_the_gate_waits_for(managed: Managed) -> None:
    """Each text once, because the seconds are counted from its first line."""
    answers = 'case $n in 0 | 1) printf "000 " ;; 2 | 3) printf "503 " ;; *) printf "200 " ;; esac'
    assert gate(managed, answers) == [
        "@test wait waiting for the import of main:app",
        "@test wait waiting for the health check: GET /up answered 503",
    ]
    assert managed.gates == ["start", "start main:app was imported, and the app started", "health"]


@pytest.mark.parametrize(("answer", "good"), [
    ("400 x\\r\\nX-Release: new", True),
    ("400 x", False),
    ("200 x\\r\\nX-Release: old", False),
])  # fmt: skip
def test_an_app_that_refuses_its_address_is_still_the_app(managed: Managed, answer: str, good: bool) -> None:
    """It accepts the name of app.health_host only."""
    for path in ("/etc/nginx/sites-enabled/hello", "/var/lib/selvedge/loaded/nginx-hello"):
        managed.server.path(path).parent.mkdir(parents=True)
        managed.server.path(path).write_text("server_name _;\n")
    managed.server.program("systemctl", "exit 0")
    managed.server.program("curl", f'printf "HTTP/1.1 {answer}\\r\\n"')
    said = managed.run(
        f"{functions('gate')}\nnew=new header=1 health=/health health_host=a.test health_timeout=1 health_ranges=200-399\n"
        "site_enabled=/etc/nginx/sites-enabled/hello site_login=/none site_host=203.0.113.10 site_follow=yes\n"
        "if gate_site; then echo yes; else echo no; fi"
    )
    assert said == ("yes\n" if good else "no\n")
    assert managed.gates == ["site"]


BOOTING = "[INFO] Booting worker with pid: 7\n"
LIFESPAN = f"{BOOTING}[INFO] Started server process [7]\n[INFO] Waiting for application startup.\n"
UP = f"{LIFESPAN}[INFO] Application startup complete.\n"


@pytest.mark.parametrize(("log", "sentence"), [
    (BOOTING, "The import of main:app did not end within 120 s. Move downloads"),
    (LIFESPAN, "The app's start-up code (its lifespan) did not end within 120 s. Find out what it waits for"),
    ("", "The new release did not answer GET /up within 120 s of its start. If the app starts slowly, raise app.start_timeout"),
    (UP, "The app has started, but GET /up (Host: a) on the new release got no answer within 120 s of its start "
     "(app.start_timeout). Find out what this path waits for. If each answer needs more than 1.0 s, raise app.health_timeout"),
])  # fmt: skip
def test_one_setting_says_how_long_a_start_may_take(managed: Managed, log: str, sentence: str) -> None:
    said = gate(managed, 'printf "000 "', log)
    assert said[-1].startswith(f"refused: {sentence}")
    # The user sees what is waited for, and until when.
    waited = [line for line in said if "at most 120 s (app.start_timeout)" in line]
    assert len(waited) == 1, said


def test_a_short_time_for_the_start_holds_although_each_request_waits(managed: Managed) -> None:
    """A socket that is open before the app has started lets each request wait for a second."""
    said = gate(managed, 'printf "000 "', LIFESPAN, start_timeout="12")
    assert said[-1].startswith("refused: The app's start-up code (its lifespan) did not end within 12 s.")
    assert managed.server.path("/run/asked").read_text() == "6\n"


def test_a_slow_start_is_not_refused(managed: Managed) -> None:
    assert not [line for line in gate(managed, '[ $n -lt 59 ] && printf "000 " || printf "200 "', BOOTING) if "refused" in line]


@pytest.mark.parametrize(("code", "words"), [
    ("404", "The app has no such path. Set app.health in hosts.toml to one that it has. Paths of the app: /health, /items"),
    ("405", "This path takes no GET requests"),
    ("401", "This path needs a login. Set app.health in hosts.toml to a path that needs none"),
    ("403", "This path needs a login"),
    ("400", "The app may accept certain Host headers only: set app.health_host"),
    ("418", "Correct app.health or app.health_status in hosts.toml, or the app. Paths of the app: /health, /items"),
])  # fmt: skip
def test_three_equal_answers_settle_it(managed: Managed, code: str, words: str) -> None:
    (said,) = [line for line in gate(managed, f'printf "{code} "') if line.startswith("refused")]
    sentence = f"GET /up (Host: a) on the new release answered {code} three times in a row; accepted: 200-399. "
    assert said.startswith(f"refused: {sentence}")
    assert words in said
    assert managed.server.path("/run/asked").read_text() == "3\n"


@pytest.mark.parametrize("answers", [
    'case $n in 0 | 1) printf "404 " ;; *) printf "200 " ;; esac',
    'case $n in 0 | 2) printf "404 " ;; 1 | 3) printf "503 " ;; *) printf "200 " ;; esac',
    '[ $n -lt 20 ] && printf "503 " || printf "200 "',
    '[ $n -lt 20 ] && printf "429 " || printf "200 "',
])  # fmt: skip
def test_an_answer_that_may_change_is_asked_for_again(managed: Managed, answers: str) -> None:
    assert not [line for line in gate(managed, answers) if line.startswith("refused")]


def test_a_redirect_that_is_not_accepted_is_shown(managed: Managed) -> None:
    said = gate(managed, 'case $* in *redirect_url*) printf "http://a/login" ;; *) printf "307 " ;; esac', health_ranges="200-299")
    assert "answered 307 three times in a row; accepted: 200-299. It redirects to http://a/login." in said[-1]


@pytest.mark.parametrize(("next_url", "refused"), [
    ("http://localhost/up", "redirects in a circle (/up /up)"),
    ("http://a/up", "redirects in a circle (/up /up)"),
    ("http://a/up?again=1", "redirects in a circle (/up /up?again=1 /up?again=1)"),
    ("https://a/up", ""),
    ("http://elsewhere.test/up", ""),
    ("", ""),
])  # fmt: skip
def test_a_redirect_in_a_circle_is_refused(managed: Managed, next_url: str, refused: str) -> None:
    managed.server.program("curl", f'printf "%s" "{next_url}"')
    values = f"new={NEW} code=307 health=/up health_host=a health_timeout=1 scheme=http"
    said = managed.run(f'switch_refuse() {{ echo "$1"; exit 1; }}\n{values}\nanswer_no_circle')
    assert (refused in said) if refused else said == ""


FAILED = "Traceback (most recent call last):\n{}\n[ERROR] Application startup failed. Exiting.\n[INFO] Shutting down: Master\n"


@pytest.mark.parametrize(("log", "sentence"), [
    (f"{BOOTING}[selvedge] The app cannot be imported: ModuleNotFoundError: No module named 'x'\n[INFO] Shutting down: Master\n",
     "The app cannot be imported: ModuleNotFoundError: No module named 'x'"),
    (LIFESPAN + FAILED.format("RuntimeError: no warehouse"),
     "The app's start-up code (its lifespan) failed: RuntimeError: no warehouse"),
    (LIFESPAN + FAILED.format("OSError: [Errno 98] Address already in use"),
     "The app's start-up code (its lifespan) failed: OSError: [Errno 98] Address already in use. The app opens a port or socket of "
     "its own, which another process has: the previous release, another worker, or another program. "
     'Set app.strategy = "restart", which stops the previous release'),
    (f"{BOOTING}[ERROR] Worker (pid:7) was sent SIGSEGV!\n[INFO] Shutting down: Master\n",
     "The new release exited while it started. A library in native code crashed."),
])  # fmt: skip
def test_the_end_of_a_release_has_the_apps_own_words_and_a_remedy(managed: Managed, log: str, sentence: str) -> None:
    assert gate(managed, 'printf "000 "', log)[-1].startswith(f"refused: {sentence}")


@pytest.mark.parametrize(("error", "sentence"), [
    ("KeyError: 'TOKEN'", "The app needs the variable 'TOKEN'. Set it in app.env_file or app.env_command of hosts.toml"),
    ("pydantic_core.ValidationError: 1 validation error for Settings",
     "The app's environment does not match Settings: TOKEN (missing). Set these variables in app.env_file of hosts.toml"),
])  # fmt: skip
def test_a_sentence_with_a_remedy_is_all_that_is_said(managed: Managed, error: str, sentence: str) -> None:
    code = "  File \"<frozen os>\", line 679, in __getitem__\n    raise KeyError(key) from None"
    log = f"{BOOTING}Traceback (most recent call last):\n{code}\n{error}\n[selvedge] {sentence}\n[INFO] Shutting down: Master\n"
    assert gate(managed, 'printf "000 "', log)[-1] == f"refused: {sentence}"


@pytest.mark.parametrize(("log", "settings"), [
    (LIFESPAN + FAILED.format("pydantic_core.ValidationError: 1 validation error for Settings"), True),
    ("[INFO] Shutting down: Master\n", True),
    (LIFESPAN + FAILED.format("RuntimeError: no warehouse"), False),
])  # fmt: skip
def test_the_error_of_a_settings_class_that_was_found_counts_if_nothing_else_explains_the_end(
    managed: Managed, log: str, settings: bool
) -> None:
    managed.server.path("/run/undo/doubt").write_text("The app's environment does not match Settings: key (missing)\n")
    said = gate(managed, 'printf "000 "', log)[-1]
    assert ("does not match Settings: key (missing)" in said) is settings


def test_a_start_that_fails_shows_its_own_log_without_secrets(managed: Managed) -> None:
    """`fab start`: the lines of yesterday say nothing about it."""
    log = managed.server.path(f"/var/log/hello/{NEW}.log")
    log.write_text("yesterday's error\n")
    fake = f"manager_start() {{ echo token=hunter2 >>/var/log/hello/{NEW}.log; }}\nhide_secrets() {{ sed s/hunter2/hidden/; }}\n"
    fake += "gate_probe() { code=500; return 1; }\nrequest_scheme() { echo http; }\n"
    settings = "health=/ health_host=x health_attempts=1 health_interval=0 site_enabled=/none step_by=me"
    said = managed.run(f"{functions('process')}\n{fake}\n{settings}\nprocess_start {NEW} || :")
    assert "token=hidden\n" in said and "answered 500 in 1 attempts" in said
    assert "hunter2" not in said and "yesterday" not in said
