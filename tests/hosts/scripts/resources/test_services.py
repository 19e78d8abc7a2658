"""Services: enabled, started, reloaded after a change."""

from __future__ import annotations

import re
from typing import Any

import pytest

from selvedge.resources.base import Resource
from selvedge.resources.files import File
from selvedge.resources.services import Enabled, Service
from tests.support.plans import summaries


def systemctl(server: Any, log: str = "/root/systemctl.log") -> None:
    """Add a fake systemctl that stores the state of its unit in files."""
    server.program(
        "systemctl",
        f"""case "$1 $2" in
          "show "*)
            [ -e /root/enabled ] && echo UnitFileState=enabled || echo UnitFileState=disabled
            [ -e /root/active ] && echo ActiveState=active || echo ActiveState=inactive
            exit ;;
          "is-active -q") [ -e /root/active ]; exit ;;
        esac
        echo "$*" >>{log}
        case "$1 $2" in
          "enable --now") touch /root/enabled /root/active ;;
          "reload nginx") [ ! -e /root/reload-fails ] ;;
        esac""",
    )


def log(server: Any) -> list[str]:
    path = server.path("/root/systemctl.log")
    rows = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return rows


def site(text: str = "good\n") -> list[Resource]:
    file = File("/etc/nginx/site", text)
    service = Service("nginx", (file,), check="nginx -t", reload_command="systemctl reload nginx", stamp="nginx-hello")
    return [file, service]


@pytest.fixture
def nginx(server: Any) -> Any:
    """A server with a fake systemctl and an nginx that refuses a configuration with "bad" in it."""
    systemctl(server)
    server.program("nginx", "if grep -r bad /etc/nginx; then echo 'nginx: [emerg] bad directive in /etc/nginx/x' >&2; exit 1; fi")
    server.path("/etc/nginx").mkdir()
    return server


def test_a_service_is_enabled_started_and_stamped(nginx: Any) -> None:
    assert summaries(nginx.make(*site())) == ["create /etc/nginx/site", "enable and start nginx"]
    assert log(nginx) == ["enable --now nginx"]
    assert not nginx.plan(*site())


def test_a_service_reloads_after_its_files_change(nginx: Any) -> None:
    nginx.make(*site())
    log(nginx)
    assert summaries(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "reload nginx"]
    assert log(nginx) == ["reload nginx"]
    nginx.path("/etc/nginx/site").write_text("edited by hand\n")
    assert summaries(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "reload nginx"]
    assert log(nginx) == ["reload nginx"]


def test_a_run_after_a_missed_reload_reloads(nginx: Any) -> None:
    nginx.make(*site())
    log(nginx)
    planned = nginx.plan(*site("new\n"))
    planned.changes = planned.changes[:1]
    assert nginx.apply(planned).status == 0
    assert log(nginx) == []
    # The file is as it should be: only the missing stamp shows that it is not loaded.
    assert summaries(nginx.make(*site("new\n"))) == ["reload nginx"]
    assert log(nginx) == ["reload nginx"]
    # The same for a file that returns to the text that was loaded last.
    planned = nginx.plan(*site())
    planned.changes = planned.changes[:1]
    nginx.apply(planned)
    assert summaries(nginx.make(*site())) == ["reload nginx"]


def test_a_refused_configuration_is_restored_and_never_loaded(nginx: Any) -> None:
    nginx.make(*site())
    log(nginx)
    done = nginx.apply(nginx.plan(*site("bad\n")))
    assert done.status == 1 and "[emerg] bad directive" in done.output
    assert log(nginx) == []
    assert nginx.path("/etc/nginx/site").read_text() == "good\n"
    assert done.said == ["restored /etc/nginx/site"]
    nginx.assert_clean()


def test_a_failed_reload_is_repeated_next_time(nginx: Any) -> None:
    nginx.make(*site())
    nginx.path("/root/reload-fails").touch()
    assert nginx.apply(nginx.plan(*site("new\n"))).status == 1
    assert nginx.path("/etc/nginx/site").read_text() == "good\n"
    nginx.path("/root/reload-fails").unlink()
    log(nginx)
    assert summaries(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "reload nginx"]
    assert log(nginx) == ["reload nginx"]


def test_a_broken_configuration_stops_the_step_before_its_first_change(nginx: Any) -> None:
    nginx.make(*site())
    nginx.path("/etc/nginx/other").write_text("bad\n")
    log(nginx)
    done = nginx.apply(nginx.plan(*site("new\n")))
    assert done.status == 1
    assert done.error == (
        "nginx rejects its current configuration, so nothing was changed: nginx: [emerg] bad directive in /etc/nginx/x. "
        "Correct that file first."
    )
    assert nginx.path("/etc/nginx/site").read_text() == "good\n" and log(nginx) == []


@pytest.mark.parametrize("words", ["unknown directive in /etc/nginx/site:3", 'open() "/etc/nginx/site" failed (2: No such file)'])
def test_a_broken_file_of_the_step_is_written_again(nginx: Any, words: str) -> None:
    nginx.make(*site())
    nginx.path("/etc/nginx/site").write_text("edited by hand\n")
    nginx.program("nginx", f"grep -qx good /etc/nginx/site || {{ echo '[emerg] {words}' >&2; exit 1; }}")
    nginx.make(*site())
    assert nginx.path("/etc/nginx/site").read_text() == "good\n"
    # A file with a longer name belongs to another app.
    nginx.program("nginx", "echo '[emerg] unknown directive in /etc/nginx/site-of-others:3' >&2; exit 1")
    assert "rejects its current configuration" in nginx.apply(nginx.plan(*site("new\n"))).error


def test_a_stopped_service_starts_with_its_new_files(nginx: Any) -> None:
    nginx.make(*site())
    nginx.path("/root/active").unlink()
    log(nginx)
    assert summaries(nginx.make(*site("new\n"))) == ["write /etc/nginx/site", "start nginx"]
    assert log(nginx) == ["enable --now nginx"]


def test_unchanged_loads_cause_no_reload(nginx: Any) -> None:
    nginx.make(*site(), File("/etc/other", "x\n"))
    assert summaries(nginx.plan(*site(), File("/etc/other", "y\n"))) == ["write /etc/other"]


JOURNAL = {
    "nginx": ("nginx", "nginx[71]: nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
              "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", "ss -ltnp \"sport = :80\""),
    "fail2ban": ("fail2ban", "fail2ban-server[9]: ERROR   Failed during configuration: Have not found any log file for sshd jail",
                 "ERROR   Failed during configuration: Have not found any log file for sshd jail", "journalctl -u fail2ban -n 50"),
    "a secret": ("supervisor", "supervisord[1]: Error: Format string 'DB=hunter2 %(x)s' for 'program:a.environment' contains names",
                 "Error: A format string for 'program:a.environment' contains names", "journalctl -u supervisor"),
    "a password": ("web", "web[1]: error: cannot connect to postgres://me:hunter2@db/x with API_KEY=hunter2",
                   "error: cannot connect to postgres://•••@db/x with API_KEY=•••", "journalctl -u web"),
    "systemd's own": ("web", "systemd[1]: web.service: Failed at step EXEC spawning /usr/bin/web: No such file or directory",
                      "web.service: Failed at step EXEC spawning /usr/bin/web: No such file or directory", "journalctl -u web"),
    "silence": ("web", "", 'See "systemctl status web.service" for details', "journalctl -u web -n 50"),
}  # fmt: skip


@pytest.mark.parametrize("kind", JOURNAL)
def test_a_service_that_cannot_start_says_why_in_its_own_words(server: Any, kind: str) -> None:
    name, line, words, remedy = JOURNAL[kind]
    server.program(
        "systemctl",
        f"""case "$1" in
          show) echo UnitFileState=enabled; echo ActiveState=inactive; exit ;;
          enable) printf '%s\n' 'Job for {name}.service failed because the control process exited with error code.' \
            'See "systemctl status {name}.service" for details.' >&2; exit 1 ;;
        esac""",
    )
    server.path("/root/journal").write_text(
        "2026-01-01T00:00:00+0000 systemd[1]: Starting it...\n"
        + (f"2026-01-01T00:00:00+0000 {line}\n" if line else "")
        + f"2026-01-01T00:00:01+0000 systemd[1]: {name}.service: Control process exited, code=exited, status=1/FAILURE\n"
        f"2026-01-01T00:00:01+0000 systemd[1]: {name}.service: Failed with result 'exit-code'.\n"
    )
    server.program("journalctl", "cat /root/journal")
    done = server.apply(server.plan(Service(name)))
    assert done.error.startswith(f"{name} could not be started: {words}. "), done
    assert remedy in done.error and "hunter2" not in done.output


@pytest.mark.parametrize("name", ["nginx", "fail2ban", "apt-daily.timer"])
def test_a_masked_unit_is_left_as_it_is(server: Any, name: str) -> None:
    unit = name if "." in name else f"{name}.service"
    server.path("/etc/systemd/system").mkdir(parents=True)
    server.path(f"/etc/systemd/system/{unit}").symlink_to("/dev/null")
    server.program("systemctl", 'echo "$*" >>/root/log; echo UnitFileState=masked; echo ActiveState=inactive')
    done = server.apply(server.plan(Enabled(name) if "." in name else Service(name)))
    start = rf"{unit} is masked: it was turned off with `systemctl mask {unit}` by root on 20..-..-.. ..:..:.. on this server"
    assert re.match(start, done.error) and f"run `sudo systemctl unmask {unit}`" in done.error, done
    assert ("hosts.toml" in done.error) == (name != "nginx")
    assert "mask" not in server.path("/root/log").read_text(), "it is not unmasked"
