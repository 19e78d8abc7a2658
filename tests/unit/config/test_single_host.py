"""`hosts` of a process, timer or service."""

from __future__ import annotations

import pytest

from selvedge.config.single_host import single_host_problems
from selvedge.config.sources import Source

HOSTS = ("web-1", "web-2", "staging")
PAIR = {"production": ["web-1", "web-2"]}


@pytest.mark.parametrize(
    ("chosen", "single", "groups", "said"),
    [
        ([], False, PAIR, []),
        ([], True, {}, []),
        ([], True, {"production": ["web-1"], "twice": ["web-1", "web-1"], "none": []}, []),
        (["web-1"], True, PAIR, []),
        (["web-1", "web-2"], True, PAIR, []),
        (
            [],
            True,
            PAIR,
            [
                "hosts.toml: processes.beat: would run on each server of the group production, at the same time: web-1 and web-2. "
                'Add `hosts = ["web-1"]` to [processes.beat] to run it on one of them. If each server needs its own, name them all.'
            ],
        ),
        (["web1"], True, PAIR, ["hosts.toml: processes.beat.hosts: no host is named 'web1'. Did you mean `web-1`?"]),
        (
            ["db", "web-2"],
            False,
            PAIR,
            ["hosts.toml: processes.beat.hosts: no host is named 'db'. Use one of the hosts web-1, web-2, staging."],
        ),
    ],
)
def test_what_must_run_once_names_its_host(
    chosen: list[str], single: bool, groups: dict[str, list[str]], said: list[str]
) -> None:
    table = {"command": "beat", **({"hosts": chosen} if chosen else {})}
    sources = [Source("hosts.toml", {"processes": {"beat": table}}), Source(".env", {})]
    names = HOSTS if single else ()
    found = single_host_problems(("processes", "beat"), chosen, single=names, hosts=HOSTS, groups=groups, sources=sources)
    assert [str(problem) for problem in found] == said


def test_the_problem_names_the_variable_that_the_table_comes_from() -> None:
    env_vars = ("SELVEDGE_PROCESSES__BEAT__COMMAND",)
    sources = [Source("hosts.toml", {}), Source("environment", {"processes": {"beat": {"command": "beat"}}}, env_vars)]
    found = single_host_problems(("processes", "beat"), [], single=HOSTS, hosts=HOSTS, groups=PAIR, sources=sources)
    assert [str(problem)[:46] for problem in found] == ["environment: SELVEDGE_PROCESSES__BEAT__COMMAND"]
