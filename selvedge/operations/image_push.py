"""`fab image.push`: push the app's image to its registry, and print the digest."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selvedge.config.image_names import server_of
from selvedge.config.target import Target
from selvedge.errors import ConfigError, SelvedgeError
from selvedge.operations.image_build import apps, chosen_platform
from selvedge.report.text import Styled
from selvedge.resources.code import local_build, local_engine
from selvedge.resources.code.registry_login import TOKEN_USER, Login, configuration_file, login
from selvedge.run import Run
from selvedge.shell.server.registry_pull import explain

DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")
VARIABLE = "DOCKER_LOGIN"
"""The variable of Docker's client with the login, which its credential helper prints."""
HELPER = f"""#!/bin/sh
# The answer to Docker's client: the login is in its environment alone.
[ "$1" = get ] && printf '%s' "${VARIABLE}"
"""


def push(run: Run, flags: Mapping[str, Any]) -> None:
    """Push the image of each commit that the hosts of the run release. Raises SelvedgeError."""
    platform = chosen_platform(flags)
    for session, app in apps(run, flags):
        if not app.docker.registry:
            problem = "is not set, so it is not known where the image belongs"
            remedy = 'Add it: `registry = "registry.example.com/team/blog"` in [docker].'
            raise ConfigError("hosts.toml", "docker.registry", problem, remedy)
        image = local_build.named(app)
        tag = local_build.local_tag(image, platform)
        if local_build.built(image, platform) is None:
            more = f" --platform {platform}" if flags.get("platform") else ""
            raise SelvedgeError(f"Your machine has no image {tag}.", f"Build it: `fab image.build --commit {app.commit}{more}`.")
        pushed = f"{app.docker.registry}:{tag.rpartition(':')[2]}"
        with run.report.activity(session.name, "image", f"push {pushed}"):
            digest = _push(app, tag, pushed)
        run.report.line(Styled("✓", "green"), f" pushed {pushed}. To release it:")
        run.report.line(f"fab deploy --commit {app.commit} --image {app.docker.registry}@{digest}")


def _push(app: Target, tag: str, pushed: str) -> str:
    """Push an image under another name, and return its digest. Raises SelvedgeError."""
    server = server_of(app.docker.registry)
    found = login(app, server)
    local_engine.docker("tag", tag, pushed)
    with _logged_in(found) as variables:
        done = local_engine.docker("push", pushed, more=variables)
    local_engine.docker("rmi", pushed)
    if done.returncode == 0 and (digest := DIGEST.search(done.stdout)):
        return digest[1]
    said = local_engine.last_line(done.stderr or done.stdout)
    if found:
        said = said.replace(found.password.get_secret_value(), "•••")
    user = "" if found is None else "the token" if found.user == TOKEN_USER else found.user
    why, remedy = explain(said, server, user, "on your machine")
    raise SelvedgeError(f"Could not push {pushed}. {why}.", remedy)


@contextmanager
def _logged_in(found: Login | None) -> Iterator[Mapping[str, str]]:
    """Yield variables with which Docker's client uses this login. No file has it, and no process list."""
    if found is None:
        yield {}
        return
    configuration = configuration_file()
    with tempfile.TemporaryDirectory(prefix="selvedge-") as name:
        folder = Path(name)
        program = folder / "docker-credential-selvedge"
        program.write_text(HELPER)
        program.chmod(0o700)
        kept = _kept(configuration)
        (folder / "config.json").write_text(json.dumps({**kept, "credHelpers": {found.server: "selvedge"}}))
        for each in ("contexts", "cli-plugins"):
            if (own := configuration.with_name(each)).is_dir():
                (folder / each).symlink_to(own.resolve())
        answer = {"ServerURL": found.server, "Username": found.user, "Secret": found.password.get_secret_value()}
        yield {"DOCKER_CONFIG": name, "PATH": f"{name}{os.pathsep}{os.environ.get('PATH', '')}", VARIABLE: json.dumps(answer)}


def _kept(file: Path) -> dict[str, Any]:
    """Return the settings of Docker's client that choose the engine and its proxies."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: found[name] for name in ("currentContext", "proxies") if isinstance(found, dict) and name in found}
