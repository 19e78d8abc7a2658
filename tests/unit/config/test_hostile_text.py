"""Hostile text in every setting that takes text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from selvedge.config.hosts import OVERRIDES, Host
from selvedge.config.load import load
from selvedge.config.schema import plain_types, section_model
from selvedge.config.settings import Settings
from selvedge.errors import ConfigError, SelvedgeError
from tests.unit.config.conftest import Problems
from tests.unit.config.examples import APP

HOSTILE = [
    "x; touch /tmp/pwn",
    "$(touch /tmp/pwn)",
    "`touch /tmp/pwn`",
    "a\n[program:x]",
    "a\r\nb",
    "a\0b",
    "a\x1b[2J",
    "a.test; } server {",
    "--upload-pack=touch /tmp/pwn",
    "-oProxyCommand=touch",
    "../../etc",
    "/etc/passwd;",
    "a b",
    "a'b",
    'a"b',
    "100%(x)s",
    "{{ app }}",
    "{x}",
    "a|b",
    "a&b",
    "a>b",
    "a\\b",
    "~root/x;",
    "日本 x",
    "\u202ea;b",
    "é;",
]

# Settings of free text. They refuse control characters and, for a path, a '-' at the front.
FREE = {
    "app.migrate",
    "app.env_file",
    "app.env_command",
    "app.build_env_file",
    "app.repository",
    "tls.acme_ca",
    "tls.certificate",
    "tls.certificate_key",
    "nginx.csp",
    "nginx.include",
    "maintenance.page",
    "server.authorized_keys[]",
    "processes.s.command",
    "backup.key",
    "hosts.s.key",
    "hosts.s.known_hosts",
    "timers.s.command",
    *(f"hooks.{name}[]" for name in ("before_build", "after_build", "before_switch", "after_switch", "on_failure")),
}


def _places() -> Iterator[tuple[str, Callable[[str], dict[str, Any]], Callable[[Settings], Any]]]:
    """Yield each setting that takes text: its name, a function that sets it, and one that reads it."""
    models = {name: section_model(field.annotation) for name, field in Settings.model_fields.items()}
    for section, model in [*models.items(), ("hosts", Host)]:
        for key, field in model.model_fields.items() if model else ():
            if section == "hosts" and (key in OVERRIDES or key == "name"):
                continue
            name = f"hosts.s.{key}" if section == "hosts" else f"{section}.{key}"
            for suffix, wrap, unwrap in _shapes(field.annotation):
                yield f"{name}{suffix}", _writer(section, key, wrap), _reader(section, key, unwrap)
    for key in ("command", "stop_signal"):
        yield f"processes.s.{key}", _process_writer(key), lambda found, key=key: getattr(found.processes["s"], key)
    named = {"command": "x"}
    yield "processes", lambda text: {"processes": {text: named}}, lambda found: next(iter(found.processes))
    unknown = "processes.s.hosts[]"
    yield unknown, lambda text: {"processes": {"s": {**named, "hosts": [text]}}}, lambda found: found.processes["s"].hosts[0]
    for key in ("command", "schedule"):
        yield f"timers.s.{key}", _timer_writer(key), lambda found, key=key: getattr(found.timers["s"], key)
    daily = {"command": "x", "schedule": "daily"}
    yield "timers", lambda text: {"timers": {text: daily}}, lambda found: next(iter(found.timers))
    yield "timers.s.hosts[]", lambda text: {"timers": {"s": {**daily, "hosts": [text]}}}, lambda found: found.timers["s"].hosts[0]
    yield "hosts", lambda text: {"hosts": {text: {"address": "203.0.113.1"}}}, lambda found: next(iter(found.hosts))
    yield "groups", lambda text: {"hosts": {"s": {}}, "groups": {text: ["s"]}}, lambda found: next(iter(found.groups))
    yield "groups[]", lambda text: {"groups": {"g": [text]}}, lambda found: found.groups["g"][0]


def _process_writer(key: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {"processes": {"s": {"command": "x", key: text}}}


def _timer_writer(key: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {"timers": {"s": {"command": "x", "schedule": "daily", key: text}}}


def _shapes(annotation: Any) -> Iterator[tuple[str, Callable[[str], Any], Callable[[Any], Any]]]:
    if get_origin(annotation) is dict:
        yield "{key}", lambda text: {text: "x"}, lambda value: next(iter(value))
        yield "{value}", lambda text: {"/x": text}, lambda value: value["/x"]
    elif get_origin(annotation) is list and str in plain_types(get_args(annotation)[0]):
        yield "[]", lambda text: [text], lambda value: value[0]
    elif str in plain_types(annotation) and get_origin(annotation) is not Literal:
        yield "", lambda text: text, lambda value: value


def _writer(section: str, key: str, wrap: Callable[[str], Any]) -> Callable[[str], dict[str, Any]]:
    def tables(text: str) -> dict[str, Any]:
        pair = {"certificate": "c", "certificate_key": "k"} if key.startswith("certificate") else {}
        table = {**pair, key: wrap(text)}
        return {"hosts": {"s": table}} if section == "hosts" else {section: table}

    return tables


def _reader(section: str, key: str, unwrap: Callable[[Any], Any]) -> Callable[[Settings], Any]:
    def read(found: Settings) -> Any:
        return unwrap(getattr(found.hosts["s"] if section == "hosts" else getattr(found, section), key))

    return read


PLACES = list(_places())


def test_every_setting_that_takes_text_is_found() -> None:
    found = {name for name, *_ in PLACES}
    assert found >= FREE
    assert {
        "app.name",
        "app.domains[]",
        "nginx.static{key}",
        "nginx.media{value}",
        "hosts.s.address",
        "groups[]",
    } <= found
    assert len(found) > 40


@pytest.mark.parametrize("name", [name for name, *_ in PLACES])
def test_hostile_text_is_refused_or_kept_exactly(name: str, tmp_path: Path) -> None:
    """A setting of free text keeps it. Any other setting refuses it before a server is contacted."""
    write, read = next((write, read) for place, write, read in PLACES if place == name)
    file = tmp_path / "hosts.toml"
    for text in HOSTILE:
        tables = {"app": {"name": "hello", "repository": "."}, **write(text)}
        tables["app"] = {"name": "hello", "repository": ".", **tables["app"]}
        file.write_text("".join(f"{key} = {_inline(value)}\n" for key, value in tables.items()), encoding="utf-8")
        try:
            kept = read(load(file, environ={"SELVEDGE_SANDBOX_DIR": str(tmp_path)}))
        except SelvedgeError as error:
            assert isinstance(error, ConfigError)
            assert name not in FREE or _may_be_refused(name, text), f"{name} refuses {text!r}"
            continue
        assert name in FREE, f"{name} takes {text!r}"
        wanted = str(tmp_path / Path(text).expanduser()) if name.startswith("hosts.s.") else text
        assert kept == wanted


def _may_be_refused(name: str, text: str) -> bool:
    control = any(ord(char) < 32 for char in text)
    commands = ("app.migrate", "processes.s.command", "timers.s.command")
    dash = text.startswith("-") and name not in commands and not name.startswith("hooks.")
    if name == "nginx.csp":
        return True  # only a policy is taken
    return control or dash or (name == "app.repository" and not text.startswith(("./", "../", "/", "~/")))


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(each)}" for key, each in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_hostile_text_in_the_environment_is_refused(problems: Problems, text: str) -> None:
    for key in ("APP__NAME", "APP__BRANCH", "APP__HEALTH", "APP__MODULE", "HOSTS__S__ADDRESS", "HOSTS__S__USER"):
        (line,) = problems(APP + "[hosts.s]\n", {f"SELVEDGE_{key}": text})
        assert line.startswith(f"environment: SELVEDGE_{key}: ")


def test_bytes_that_are_not_text_are_refused(problems: Problems) -> None:
    (line,) = problems(APP, {"SELVEDGE_APP__MIGRATE": "a\udcffb"})
    assert "control characters" in line
