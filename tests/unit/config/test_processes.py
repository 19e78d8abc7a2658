"""`[processes.NAME]`."""

from __future__ import annotations

import pytest

from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import APP

HOSTS = "[hosts.web-1]\n[hosts.web-2]\n"
GROUP = f'{HOSTS}[groups]\nproduction = ["web-1", "web-2"]\n'


def test_a_process_runs_on_all_hosts_unless_it_names_some(settings: Load) -> None:
    more = '[processes.worker]\ncommand = "x"\ncount = 2\n[processes.beat]\ncommand = "y"\noverlap = false\nhosts = ["web-2"]\n'
    found = settings(APP + GROUP + more)
    assert [found.target(name).process_counts for name in found.hosts] == [{"worker": 2, "beat": 0}, {"worker": 2, "beat": 1}]
    assert found.target("web-1").processes == found.processes


@pytest.mark.parametrize(("table", "said"), [
    ('beat]\ncommand = "x"\noverlap = false', "hosts.toml: processes.beat: would run on each server of the group production"),
    ('beat]\ncommand = "x"\nhosts = ["web3"]', "hosts.toml: processes.beat.hosts: no host is named 'web3'. Did you mean `web-"),
    ('web]\ncommand = "x"', "hosts.toml: processes.web: must not be a name that Selvedge uses itself: web, app, "),
    ('Worker]\ncommand = "x"', "hosts.toml: processes.Worker: must be a name of at most 30 lower-case letters"),
    ('a.b]\ncommand = "x"', "hosts.toml: processes.a.command: is missing. Write, for example, `command = "),
    ('a]\ncommand = " "', "hosts.toml: processes.a.command: must be a command"),
    ('a]\ncommand = "x"\ncounts = 2', "hosts.toml: processes.a.counts: is not a setting. Did you mean `count`?"),
    ('a]\ncommand = "x"\ncount = -1', "hosts.toml: processes.a.count: must be an integer from 0 to 100, not -1."),
    ('a]\ncommand = "x"\nstop_signal = "KILL"', "hosts.toml: processes.a.stop_signal: must be one of \"TERM\", "),
    ('a]\ncommand = "x"\noverlap = false\ncount = 2', "hosts.toml: processes.a: overlap = false means that two never run at once"),
    ('a]\ncommand = "x"\noverlap = 0', "hosts.toml: processes.a.overlap: must be true or false, not 0."),
])  # fmt: skip
def test_what_is_refused(problems: Problems, table: str, said: str) -> None:
    assert problems(f"{APP}{GROUP}[processes.{table}\n")[0].startswith(said)


@pytest.mark.parametrize("more", ["count = 0", 'hosts = ["web-1"]', 'hosts = ["web-1", "web-2"]'])
def test_a_process_that_may_not_run_twice_says_where_it_runs(problems: Problems, more: str) -> None:
    assert problems(f'{APP}{GROUP}[processes.beat]\ncommand = "x"\noverlap = false\n{more}\n') == []


def test_an_env_var_has_an_underscore_for_a_hyphen(settings: Load, problems: Problems) -> None:
    text = f'{APP}{HOSTS}[processes.night-worker]\ncommand = "x"\n'
    assert settings(text, {"SELVEDGE_PROCESSES__NIGHT_WORKER__COUNT": "3"}).processes["night-worker"].count == 3
    said = problems(text, {"SELVEDGE_PROCESSES__NIGHT_WORKER__COUNTS": "3"})
    assert said == [
        "environment: SELVEDGE_PROCESSES__NIGHT_WORKER__COUNTS: is not a setting. "
        "Did you mean `SELVEDGE_PROCESSES__NIGHT_WORKER__COUNT`?"
    ]
