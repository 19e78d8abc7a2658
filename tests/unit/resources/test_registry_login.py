"""The login to a registry: from the environment, or as Docker's client on this machine knows it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.image_names import HUB_LOGIN
from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.resources.code.registry_login import TOKEN_USER, login

SERVER = "registry.example.com"
REGISTRY = {"docker": {"registry": f"{SERVER}/team/blog"}}
USER, PASSWORD = "SELVEDGE_DOCKER__USER", "SELVEDGE_DOCKER__PASSWORD"
HOSTILE = 'p"a\'s$s `id` %s\\ ü:@/'
BASIC = base64.b64encode(f"me:{HOSTILE}".encode()).decode()


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Write the configuration of Docker's client; a helper is named by what it prints."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def write(text: Any, helper: str = "") -> None:
        (folder / "config.json").write_text(text if isinstance(text, str) else json.dumps(text))
        if helper:
            program = folder / "docker-credential-own"
            program.write_text(f'#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = {SERVER} ] || exit 9\n{helper}\n')
            program.chmod(0o755)

    return write


@pytest.mark.parametrize(("given", "helper", "found"), [
    ({}, "", None),
    ({"auths": {SERVER: {"auth": BASIC}}}, "", ("me", HOSTILE)),
    ({"auths": {f"https://{SERVER}": {"auth": BASIC}}}, "", ("me", HOSTILE)),
    ({"auths": {SERVER: {"identitytoken": "t0ken"}}}, "", (TOKEN_USER, "t0ken")),
    ({"auths": {SERVER: {}}}, "", None),
    ({"auths": {SERVER: {"auth": "!"}}}, "", None),
    ({"auths": {"other.example.com": {"auth": BASIC}}}, "", None),
    ({"credHelpers": {SERVER: "own"}}, 'echo \'{"Username": "me", "Secret": "x"}\'', ("me", "x")),
    ({"credsStore": "own", "auths": {SERVER: {}}}, 'echo \'{"Username": "<token>", "Secret": "x"}\'', (TOKEN_USER, "x")),
    ({"credsStore": "own"}, "echo credentials not found in native keychain; exit 1", None),
    ([], "", None),
    ({"auths": [], "credHelpers": "own"}, "", None),
    ({"auths": {SERVER: "me"}, "credHelpers": 1}, "", None),
    ({"auths": {SERVER: {"auth": ["é"]}}}, "", None),
    ({"auths": {SERVER: {"identitytoken": 1}}}, "", (TOKEN_USER, "1")),
])  # fmt: skip
def test_the_configuration_of_the_client_has_the_login(
    app: Callable[..., Target], configuration: Callable[..., None], given: Any, helper: str, found: tuple[str, str] | None
) -> None:
    configuration(given, helper)
    known = login(app("docker", **REGISTRY), SERVER)
    assert (known and (known.user, known.password.get_secret_value())) == found
    assert HOSTILE not in repr(known)


@pytest.mark.parametrize(("given", "helper", "said"), [
    ("{", "", "cannot be read"),
    ({"credHelpers": {SERVER: "missing"}}, "", "docker-credential-missing, which is not installed"),
    ({"credHelpers": {SERVER: "own"}}, "echo the session has expired; exit 1", "the session has expired"),
    ({"credHelpers": {SERVER: "own"}}, "echo nonsense", "printed no login"),
])  # fmt: skip
def test_a_login_that_cannot_be_read_is_named(
    app: Callable[..., Target], configuration: Callable[..., None], given: Any, helper: str, said: str
) -> None:
    configuration(given, helper)
    with pytest.raises(SelvedgeError, match=said) as error:
        login(app("docker", **REGISTRY), SERVER)
    assert error.value.remedy


def test_the_environment_wins_but_for_the_registry_of_hosts_toml_alone(
    app: Callable[..., Target], configuration: Callable[..., None]
) -> None:
    configuration({"auths": {SERVER: {"auth": BASIC}, "other.example.com": {"auth": BASIC}}})
    given = app("docker", **REGISTRY, passwords={USER: "robot", PASSWORD: HOSTILE})
    users = {server: found.user for server in (SERVER, "other.example.com") if (found := login(given, server))}
    assert users == {SERVER: "robot", "other.example.com": "me"}
    assert login(given, HUB_LOGIN) is None


@pytest.mark.parametrize(("passwords", "settings", "said"), [
    ({USER: "robot"}, REGISTRY, f"{PASSWORD}: is missing, and {USER} is set"),
    ({PASSWORD: "x"}, REGISTRY, f"{USER}: is missing"),
    ({USER: "robot", PASSWORD: "x"}, {}, "docker.registry: is not set"),
])  # fmt: skip
def test_half_a_login_is_refused(app: Callable[..., Target], passwords: Any, settings: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        login(app("docker", **settings, passwords=passwords), SERVER)


@pytest.mark.parametrize(("user", "keys"), [
    ("me", {"username", "password", "serveraddress"}),
    (TOKEN_USER, {"identitytoken", "serveraddress"}),
])  # fmt: skip
def test_the_engine_gets_the_login_byte_for_byte(app: Callable[..., Target], user: str, keys: set[str]) -> None:
    found = login(app("docker", **REGISTRY, passwords={USER: user, PASSWORD: HOSTILE}), SERVER)
    assert found
    sent = json.loads(found.as_json())
    assert set(sent) == keys and HOSTILE in sent.values() and found.as_json().isascii()
