"""The name of an instance, which follows from its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.errors import Pending
from selvedge.release.instance import Instance

CHANGED = [
    {"timeout": 31},
    {"workers": 3},
    {"module": "other:app"},
    {"release_header": False},
    {"log_level": "debug"},
    {"log_format": "json"},
    {"access_log": True},
    {"root": "backend"},
    {"stop_timeout": 31},
    {"python": "3.12"},
    {"installer": "pip"},
    {"env_file": "production.env"},
]


def test_a_setting_of_the_process_changes_the_instance(app: Callable[..., Target], tmp_path: Any) -> None:
    base = Instance.of(app("nothing set")).id
    found = [Instance.of(app("nothing set", **change)).id for change in CHANGED]
    (tmp_path / "production.env").write_text("TOKEN=other\n")
    found.append(Instance.of(app("nothing set", env_file="production.env")).id)
    assert len({base, *found}) == 1 + len(found)
    assert Instance.of(app("nothing set")).id == base
    # Settings of nginx and of the health check start no new process.
    for same in ({"domains": ["b.test"]}, {"health": "/health"}, {"keep_releases": 9}, {"branch": "other"}):
        assert Instance.of(app("nothing set", **same)).id == base, same


def test_a_process_changes_the_instance_but_not_how_many_run_and_where(app: Callable[..., Target]) -> None:
    def instance(**process: Any) -> str:
        return Instance.of(app("nothing set", processes={"worker": {"command": "x", **process}})).id

    base = instance()
    changes = [{"command": "y"}, {"stop_signal": "INT"}, {"stop_timeout": 5}, {"overlap": False}]
    assert len({Instance.of(app("nothing set")).id, base, *(instance(**each) for each in changes)}) == 2 + len(changes)
    other = Instance.of(app("nothing set", processes={"other": {"command": "x"}})).id
    assert other != base
    assert instance(count=7) == instance(count=0) == instance(hosts=["server"]) == base


def test_a_variable_of_the_build_changes_the_instance_unless_it_is_a_login(app: Callable[..., Target], tmp_path: Any) -> None:
    def instance(text: str) -> str:
        (tmp_path / "build.env").write_text(text)
        return Instance.of(app("nothing set", build_env_file="build.env")).id

    plain = instance("PIP_INDEX_URL=https://a.test/simple\n")
    assert instance("PIP_INDEX_URL=https://me:hunter2@a.test/simple\nUV_INDEX_OWN_PASSWORD=x\nGITHUB_TOKEN=x\n") == plain
    assert len({plain, instance("PIP_INDEX_URL=https://b.test/simple\n"), Instance.of(app("nothing set")).id}) == 3
    assert instance("GITHUB_TOKEN=x\n") == Instance.of(app("nothing set")).id


def test_no_repr_contains_the_secrets_of_an_instance(app: Callable[..., Target]) -> None:
    instance = Instance.of(app("everything"))
    assert "c4nary" not in repr(instance) and instance.environment_text() == 'TOKEN="c4nary"\n'


def test_an_instance_needs_a_commit(app: Callable[..., Target]) -> None:
    with pytest.raises(Pending, match="commit"):
        Instance.of(app("nothing set", commit=""))
