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
    ('beat]\ncommand = "x"\nhosts = ["production"]',
     'hosts.toml: processes.beat.hosts: \'production\' is a group. Name its hosts: `hosts = ["web-1", "web-2"]`.'),
    ('beat]\ncommand = "x"\nhosts = []', "hosts.toml: processes.beat.hosts: must not be empty. Write, for example, `hosts = "),
    (f'a]\ncommand = "{"x" * 130_000}"', "hosts.toml: processes.a.command: has more than 120 kB: put it into a script"),
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


WORKER = '[processes.night-worker]\ncommand = "x"\ncount = 2\n'
BEAT = '[processes.beat]\ncommand = "y"\noverlap = false\n'


@pytest.mark.parametrize(("environ", "counts"), [
    ({}, (3, 2)),
    # A general setting of a stronger source overrides a host's own one.
    ({"SELVEDGE_PROCESSES__NIGHT_WORKER__COUNT": "5"}, (5, 5)),
    ({"SELVEDGE_PROCESSES__NIGHT_WORKER__COMMAND": "z"}, (3, 2)),
    ({"SELVEDGE_HOSTS__WEB_2__PROCESSES__NIGHT_WORKER__COUNT": "7"}, (3, 7)),
])  # fmt: skip
def test_a_host_may_run_another_number_of_a_process(settings: Load, environ: dict[str, str], counts: tuple[int, int]) -> None:
    found = settings(f"{APP}{GROUP}{WORKER}[hosts.web-1.processes.night-worker]\ncount = 3\n", environ)
    assert tuple(found.target(name).process_counts["night-worker"] for name in found.hosts) == counts
    assert {found.target(name).processes["night-worker"].command for name in found.hosts} == {environ.get(
        "SELVEDGE_PROCESSES__NIGHT_WORKER__COMMAND", "x")}  # fmt: skip


def test_a_host_may_have_a_process_of_its_own(settings: Load) -> None:
    found = settings(f'{APP}{GROUP}{WORKER}[hosts.web-2.processes.beat]\ncommand = "y"\noverlap = false\n')
    assert [list(found.target(name).process_counts) for name in found.hosts] == [["night-worker"], ["night-worker", "beat"]]


@pytest.mark.parametrize(("table", "said"), [
    ("night-worker]\ncount = 101", "hosts.web-1.processes.night-worker.count: must be an integer from 0 to 100, not 101."),
    ("night-worker]\ncounts = 3", "hosts.web-1.processes.night-worker.counts: is not a setting. Did you mean `count`?"),
    ("nigt-worker]\ncount = 3", "hosts.web-1.processes.nigt-worker.command: is missing. Write, for example, `command = "),
    ('Beat]\ncommand = "x"', "hosts.web-1.processes.Beat: must be a name of at most 30 lower-case letters"),
    ("night-worker]\noverlap = false", "hosts.web-1.processes.night-worker: overlap = false means that two never run at once"),
    ('night-worker]\nhosts = ["web-1"]', "hosts.web-1.processes.night-worker.hosts: is not a setting of one host. Delete it"),
    ("elsewhere]\ncount = 3",
     "hosts.web-1.processes.elsewhere: has no effect, because processes.elsewhere.hosts does not name web-1"),
])  # fmt: skip
def test_what_is_refused_on_one_host(problems: Problems, table: str, said: str) -> None:
    elsewhere = '[processes.elsewhere]\ncommand = "x"\nhosts = ["web-2"]\n'
    (found,) = problems(f"{APP}{GROUP}{WORKER}{elsewhere}[hosts.web-1.processes.{table}\n")
    assert found.startswith(f"hosts.toml: {said}")


def test_what_is_no_table_is_refused(problems: Problems) -> None:
    (found,) = problems(f'{APP}{GROUP}{WORKER}[hosts.web-1.processes]\nnight-worker = 3\n')
    assert found.startswith("hosts.toml: hosts.web-1.processes.night-worker: must be a table")


@pytest.mark.parametrize(("table", "refused"), [("count = 0", False), ("overlap = true", False), ('command = "z"', True)])
def test_what_must_run_once_is_judged_as_it_holds_for_each_host(problems: Problems, table: str, refused: bool) -> None:
    found = problems(f"{APP}{GROUP}{BEAT}[hosts.web-1.processes.beat]\n{table}\n")
    assert ["would run on each server" in each for each in found] == [True] * refused
