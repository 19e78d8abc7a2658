"""Settings of apps that are not like most: shared paths, factories, settings classes, slow starts, the box."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import APP

GOOD = [[], ["uploads"], ["database.db", "logs/"], ["a/b", "a/c"], ["data", "data2/x"], [".env", "app.log"]]


@pytest.mark.parametrize("paths", GOOD)
def test_shared_paths(settings: Load, paths: list[str]) -> None:
    assert settings(f"{APP}shared_paths = {paths}\n[hosts.s]\n").target("s").shared_paths == paths


@pytest.mark.parametrize(("paths", "words"), [
    (["/srv/x"], "must be a path in the app's folder"),
    (["~/x"], "must be a path in the app's folder"),
    (["../x"], "must be a path in the app's folder"),
    (["a/../b"], "must be a path in the app's folder"),
    (["."], "must be a path of a file or folder"),
    (["./x"], "must be a path of a file or folder"),
    ([""], "must be a path of a file or folder"),
    (["/"], "must be a path in the app's folder"),
    (["a//b"], "must be a path of a file or folder"),
    (["a b"], "must be a path of a file or folder"),
    (["-rf"], "must be a path of a file or folder"),
    (["up;loads"], "must be a path of a file or folder"),
    ([".venv"], "must not be in .venv"),
    ([".venv/lib"], "must not be in .venv"),
    ([".git"], "must not be in .git"),
    ([".tmp/x"], "must not be in .tmp"),
    ([".selvedge.link"], "must not be in .selvedge.link"),
    (["uploads", "uploads"], "must name each path once, and has uploads twice"),
    (["uploads", "uploads/"], "must name each path once, and has uploads twice"),
    (["data/uploads", "data"], "must not have data/uploads, because data contains it"),
    (["data/", "x", "data/a/b"], "must not have data/a/b, because data contains it"),
])  # fmt: skip
def test_shared_paths_that_are_refused(problems: Problems, paths: list[str], words: str) -> None:
    (line,) = problems(f"{APP}shared_paths = {paths}\n[hosts.s]\n")
    assert line.startswith("hosts.toml: app.shared_paths") and words in line


@pytest.mark.parametrize(("text", "asgi"), [
    ('module = "app.main:create_app()"', "app.main:create_app()"),
    ('module = "app.main:create_app"\nfactory = true', "app.main:create_app()"),
    ('module = "app.main:create_app()"\nfactory = true', "app.main:create_app()"),
    ('module = "app.main:create_app"', "app.main:create_app"),
    ("", "main:app"),
])  # fmt: skip
def test_a_factory_is_called(settings: Load, text: str, asgi: str) -> None:
    assert settings(f"{APP}{text}\n[hosts.s]\n").target("s").asgi == asgi


@pytest.mark.parametrize("module", ["main:create_app(1)", "main:create_app(x=2)", "main:create_app()()", "main:()", "main:a b()"])
def test_a_factory_takes_no_arguments(problems: Problems, module: str) -> None:
    (line,) = problems(f'{APP}module = "{module}"\n[hosts.s]\n')
    assert line.startswith("hosts.toml: app.module: must ")


@pytest.mark.parametrize(("text", "value"), [
    ("", ""), ("settings = false", False), ('settings = "config:Settings"', "config:Settings"), ('settings = ""', ""),
])  # fmt: skip
def test_the_settings_class(settings: Load, text: str, value: str | bool) -> None:
    assert settings(f"{APP}{text}\n[hosts.s]\n").target("s").settings == value


def test_the_check_of_the_settings_can_be_turned_off_by_a_variable(settings: Load) -> None:
    assert settings(APP + "[hosts.s]\n", {"SELVEDGE_APP__SETTINGS": "false"}).target("s").settings is False


@pytest.mark.parametrize(("value", "words"), [
    ("true", "must be module:name, or false to turn the check off"),
    ("1", "must be module:name, or false to turn the check off"),
    ('"config:Settings()"', "must "),
    ('"config"', "must be a Python module, a colon and a name"),
])  # fmt: skip
def test_a_settings_class_that_is_refused(problems: Problems, value: str, words: str) -> None:
    assert words in "\n".join(problems(f"{APP}settings = {value}\n[hosts.s]\n"))


@pytest.mark.parametrize(("text", "seconds"), [("", 120), ("timeout = 300", 300), ("start_timeout = 70\ntimeout = 300", 70)])
def test_how_long_a_start_may_take(settings: Load, text: str, seconds: int) -> None:
    assert settings(f"{APP}{text}\n[hosts.s]\n").target("s").start_seconds == seconds


def test_a_host_may_have_another_box(settings: Load) -> None:
    own = '[hosts.s.box]\nproc = false\nwrite = ["/mnt/media/"]\n'
    found = settings(f"{APP}[box]\nproc = true\n[hosts.s]\n{own}[hosts.t]\n")
    assert (found.target("s").box.proc, found.target("s").box.write) == (False, ["/mnt/media"])
    assert (found.target("t").box.proc, found.target("t").box.write) == (True, [])


PATHS: list[Any] = ["mnt", "../mnt", "/", "/mnt/../etc", "/etc", "/etc/x", "/usr/local", "/srv", "/srv/hello", "/var", "/run"]


@pytest.mark.parametrize("path", PATHS)
def test_a_box_stays_closed_for_the_system(problems: Problems, path: str) -> None:
    (line,) = problems(f'{APP}[box]\nwrite = ["{path}"]\n[hosts.s]\n')
    assert line.startswith("hosts.toml: box.write") and "must " in line
