"""`[timers.NAME]`."""

from __future__ import annotations

import pytest

from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import APP

HOSTS = "[hosts.web-1]\n[hosts.web-2]\n"
GROUP = f'{HOSTS}[groups]\nproduction = ["web-1", "web-2"]\n'
DAILY = 'command = "x"\nschedule = "daily"\n'


def test_a_timer_runs_on_all_hosts_unless_it_names_some(settings: Load) -> None:
    found = settings(f'{APP}{HOSTS}[timers.one]\n{DAILY}[timers.two]\n{DAILY}hosts = ["web-2"]\n')
    assert [list(found.target(name).timers) for name in found.hosts] == [["one"], ["one", "two"]]
    assert found.target("web-1").timers["one"].on_calendar == ("daily",)


@pytest.mark.parametrize(("table", "said"), [
    (f"a]\n{DAILY}", "hosts.toml: timers.a: would run on each server of the group production, at the same time: web-1 and web-2."),
    (f'a]\n{DAILY}hosts = ["web3"]', "hosts.toml: timers.a.hosts: no host is named 'web3'. Did you mean `web-"),
    (f"Clean]\n{DAILY}", "hosts.toml: timers.Clean: must be a name of at most 30 lower-case letters"),
    (f"a.b]\n{DAILY}", "hosts.toml: timers.a.command: is missing. Write, for example, `command = "),
    ('a]\ncommand = "x"', "hosts.toml: timers.a.schedule: is missing. Write, for example, `schedule = "),
    ('a]\ncommand = " "\nschedule = "daily"', "hosts.toml: timers.a.command: must be a command"),
    ('a]\ncommand = "x"\nschedule = "25:00"', "hosts.toml: timers.a.schedule: must be systemd's calendar form"),
    (f"a]\n{DAILY}timeouts = 2", "hosts.toml: timers.a.timeouts: is not a setting. Did you mean `timeout`?"),
    (f"a]\n{DAILY}timeout = 0", "hosts.toml: timers.a.timeout: must be an integer from 1 to 604800, not 0."),
    (f"a]\n{DAILY}persistent = 1", "hosts.toml: timers.a.persistent: must be true or false, not 1."),
])  # fmt: skip
def test_what_is_refused(problems: Problems, table: str, said: str) -> None:
    assert problems(f"{APP}{GROUP}[timers.{table}\n")[0].startswith(said)


@pytest.mark.parametrize("hosts", ['["web-1"]', '["web-1", "web-2"]'])
def test_servers_of_a_group_run_it_if_it_names_them(problems: Problems, hosts: str) -> None:
    assert problems(f"{APP}{GROUP}[timers.a]\n{DAILY}hosts = {hosts}\n") == []


def test_an_env_var_has_an_underscore_for_a_hyphen(settings: Load) -> None:
    found = settings(f"{APP}{HOSTS}[timers.clean-up]\n{DAILY}", {"SELVEDGE_TIMERS__CLEAN_UP__SCHEDULE": "0 4 * * *"})
    assert found.timers["clean-up"].on_calendar == ("*-*-* 04:00:00",)


def test_a_host_may_have_another_schedule(settings: Load, problems: Problems) -> None:
    text = f'{APP}{GROUP}[timers.a]\n{DAILY}hosts = ["web-1"]\n'
    found = settings(f'{text}[hosts.web-1.timers.a]\nschedule = "hourly"\n[hosts.web-2.timers.b]\n{DAILY}')
    assert {name: list(found.target(name).timers) for name in found.hosts} == {"web-1": ["a"], "web-2": ["b"]}
    assert found.target("web-1").timers["a"].on_calendar == ("hourly",)
    (said,) = problems(f'{text}[hosts.web-2.timers.a]\nschedule = "hourly"\n')
    assert said.startswith("hosts.toml: hosts.web-2.timers.a: has no effect, because timers.a.hosts does not name web-2.")
