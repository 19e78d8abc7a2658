"""The login to a registry: from the environment, or from the configuration of Docker's client on this machine."""

from __future__ import annotations

import base64
import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from selvedge.config.image_names import server_of
from selvedge.config.local_files import home_folder
from selvedge.config.secret_names import REGISTRY_PASSWORD, REGISTRY_USER
from selvedge.config.tables import subtable
from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.resources.code.local_engine import environment, last_line
from selvedge.value import Value

TOKEN_USER = "<token>"
"""The user of a login that is a token (docker-credential-helpers)."""
SECONDS = 60


class Login(Value):
    """A login to a server. user: TOKEN_USER for a token without a user."""

    server: str
    user: str
    password: SecretStr

    def as_json(self) -> str:
        """Return it as the engine's API takes it (X-Registry-Auth). Secret."""
        secret = self.password.get_secret_value()
        if self.user == TOKEN_USER:
            return json.dumps({"identitytoken": secret, "serveraddress": self.server})
        return json.dumps({"username": self.user, "password": secret, "serveraddress": self.server})


def login(app: Target, server: str) -> Login | None:
    """Return the login to a registry, None without one. server: as `ImageReference.server`.

    The variables of the environment are for the server of docker.registry alone. Raises ConfigError or SelvedgeError.
    """
    return _of_environment(app, server) or _of_docker(server, configuration_file())


def _of_environment(app: Target, server: str) -> Login | None:
    user, password = (app.passwords.get(name) for name in (REGISTRY_USER, REGISTRY_PASSWORD))
    given = {REGISTRY_USER: user, REGISTRY_PASSWORD: password}
    if not user and not password:
        return None
    for name, value in given.items():
        if not value or not value.get_secret_value():
            other = next(each for each in given if each != name)
            raise ConfigError("environment", name, f"is missing, and {other} is set", "Set both, or none.")
    if not app.docker.registry:
        raise ConfigError(
            "hosts.toml", "docker.registry", f"is not set, and {REGISTRY_PASSWORD} is: it is not known which registry gets it",
            'Add it: `registry = "registry.example.com/team/blog"` in [docker].',
        )  # fmt: skip
    if server != server_of(app.docker.registry):
        return None
    assert user and password
    return Login(server, user.get_secret_value(), password)


def configuration_file() -> Path:
    """Return the path of the configuration of Docker's client on this machine."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else home_folder() / ".docker") / "config.json"


@functools.cache
def _of_docker(server: str, file: Path) -> Login | None:
    """Return the login in the configuration of Docker's client, or of the credential helper that it names."""
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise SelvedgeError(f"{file} cannot be read: {error}.", "Correct the file, or delete it and run `docker login`.") from None
    if not isinstance(found, dict):
        return None
    helper = subtable(found, "credHelpers").get(server) or found.get("credsStore")
    if helper:
        return _of_helper(str(helper), server)
    logins = subtable(found, "auths")
    entry = subtable(logins, server) or subtable(logins, f"https://{server}")
    if token := entry.get("identitytoken"):
        return Login(server, TOKEN_USER, SecretStr(str(token)))
    try:
        user, colon, password = base64.b64decode(str(entry.get("auth") or "")).decode().partition(":")
    except ValueError:
        return None
    return Login(server, user, SecretStr(password)) if colon else None


def _of_helper(name: str, server: str) -> Login | None:
    program = f"docker-credential-{name}"
    try:
        done = subprocess.run(
            [program, "get"], input=server, env=environment(), capture_output=True, text=True, errors="replace", timeout=SECONDS,
            check=False,
        )  # fmt: skip
    except OSError:
        raise SelvedgeError(
            f"Docker's configuration on your machine names the credential helper {program}, which is not installed.",
            f"Install it, or set {REGISTRY_USER} and {REGISTRY_PASSWORD}.",
        ) from None
    except subprocess.TimeoutExpired:
        raise SelvedgeError(f"{program} gave no login within {SECONDS} s.", f"Try it: `echo {server} | {program} get`.") from None
    if done.returncode != 0:
        said = last_line(done.stdout or done.stderr)
        if "not found" in said.lower():
            return None
        remedy = f"Log in again, or try it: `echo {server} | {program} get`."
        raise SelvedgeError(f"{program} gave no login for {server}: {said}.", remedy)
    try:
        answer = json.loads(done.stdout)
        return Login(server, str(answer["Username"]), SecretStr(str(answer["Secret"])))
    except (ValueError, KeyError, TypeError):
        raise SelvedgeError(f"{program} printed no login for {server}.", "Update the credential helper.") from None
