"""How long a process ran before it ended: its own time, by the words of its process manager."""

from __future__ import annotations

import pytest

from tests.hosts.scripts.release.managed import Managed
from tests.support.releases import NEW

UNIT = f"{NEW}.w@1"
NAME = f"hello.{UNIT}"


@pytest.mark.parametrize(("ran", "said"), [
    ("4900", "after 4 s"), ("1000", "after 1 s"), ("999", "as it started"), ("0", "as it started"),
    # The process manager does not say it.
    ("", "after 9 s"),
])  # fmt: skip
def test_a_message_has_the_time_of_the_process(managed: Managed, ran: str, said: str) -> None:
    """Also if the run notices its end later, or began to wait later: it starts several, one after the other."""
    managed.server.path(f"/run/undo/from.{UNIT}").write_text("0\n")
    fake = (
        f"unit_ran() {{ echo {ran}; }}\nunit_status() {{ :; }}\nreason_find() {{ reason_error= reason_remedy=; }}\n"
        "output_complete() { :; }\nhide_secrets() { cat; }\nclock_uptime() { echo 9900; }\nchangeover_began=0\n"
    )
    shell = f'changeover_ended "of X" {UNIT}; printf "%s" "$changeover_problem"'
    assert managed.run(f"new={NEW}\n{fake}{shell}") == f"The process w of X ended {said}"


@pytest.mark.parametrize(("lines", "ran"), [
    (["0,100 INFO spawned: 'NAME' with pid 7", "4,350 WARN exited: NAME (exit status 1; not expected)"], "4250\n"),
    # It has been started again meanwhile, and others have ended.
    (["0,100 INFO spawned: 'NAME' with pid 7", "1,000 INFO spawned: 'NAME0' with pid 8",
      "1,500 INFO exited: NAME0 (exit status 0; expected)", "2,100 INFO exited: NAME (terminated by SIGTERM; not expected)",
      "3,200 INFO spawned: 'NAME' with pid 9"], "2000\n"),
    (["0,100 INFO spawned: 'NAME' with pid 7"], ""),
    (["4,350 WARN exited: NAME (exit status 1; not expected)"], ""),
    ([], ""),
])  # fmt: skip
def test_supervisors_log(managed: Managed, lines: list[str], ran: str) -> None:
    managed.server.path("/var/log/supervisor").mkdir()
    text = "".join(f"2037-11-29 12:00:0{line}\n".replace("NAME", NAME) for line in lines)
    managed.server.path("/var/log/supervisor/supervisord.log").write_text(text)
    assert managed.run(f"supervisorunit_ran {UNIT}") == ran


@pytest.mark.parametrize(("lines", "ran"), [
    (["[    7.250000] h systemd[1]: Started NAME.service - w of hello.",
      "[   10.500000] h systemd[1]: NAME.service: Main process exited, code=exited, status=1/FAILURE",
      "[   10.500001] h systemd[1]: NAME.service: Failed with result 'exit-code'."], "3250\n"),
    (["[ 1007.250000] h systemd[1]: Started NAME.service - w of hello.",
      "[ 1008.000000] h systemd[1]: NAME.service: Deactivated successfully.",
      "[ 1009.000000] h systemd[1]: Started NAME.service - w of hello."], "750\n"),
    (["[    7.250000] h systemd[1]: Started NAME.service - w of hello."], ""),
    ([], ""),
])  # fmt: skip
def test_systemds_journal(managed: Managed, lines: list[str], ran: str) -> None:
    managed.server.path("/run/journal").write_text("".join(f"{line}\n".replace("NAME", NAME) for line in lines))
    managed.server.program("journalctl", f'case $* in *" -u {NAME}.service"*) cat /run/journal ;; esac')
    assert managed.run(f"systemdunit_ran {UNIT}") == ran


@pytest.mark.parametrize(("start", "end", "ran"), [
    ("2026-11-29T11:59:58.9Z", "2026-11-29T12:00:03.123456789Z", "4223\n"),
    # It runs.
    ("2026-11-29T12:00:00Z", "0001-01-01T00:00:00Z", ""),
    ("", "", ""),
])  # fmt: skip
def test_dockers_times(managed: Managed, start: str, end: str, ran: str) -> None:
    fake = f"docker_facts() {{ [ $1 = hello.{NEW}.w.1 ] && echo '0 exited no 0 false 1 {start} {end}'; }}\n"
    assert managed.run(f"{fake}dockerunit_ran {UNIT}") == ran
