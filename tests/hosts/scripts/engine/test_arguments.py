"""Hostile values reach programs unchanged."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from selvedge.config.target import Target
from selvedge.resources.files import Directory, File
from tests.support.fixtures import COMMIT
from tests.support.hostile import ENVIRONMENT, HOSTILE, TEXT, changed, declared


def test_the_start_script_passes_the_settings_to_gunicorn(server: Any, hostile: Target) -> None:
    resources = declared("gunicorn", hostile)
    files = [resource for resource in resources if isinstance(resource, File | Directory)]
    # The app's user does not exist on this machine.
    server.make(*[replace(each, owner="root", group="daemon") for each in files])
    start = next(each.path for each in files if each.path.endswith("/gunicorn_start"))
    release = hostile.paths.release(COMMIT)
    code, folder = f"{release}/back.end_/x@+y-z", start.removesuffix("/gunicorn_start")
    python = server.path(f"{folder}/.venv/bin/python")
    python.parent.mkdir(parents=True)
    server.path(code).mkdir(parents=True)
    python.write_text("#!/bin/sh\npwd; printf '%s\\0' \"$@\"; printf '\\0'; exec env -0\n")
    python.chmod(0o755)
    done = server.run(start)
    arguments, _, variables = done.stdout.decode().partition("\0\0")
    assert arguments.split("\0") == [
        *(f"{code}\n-m", "gunicorn", "_pkg._mod_1:_site.app", "--name", "a-1", "--chdir", code),
        *("--workers", str((os.cpu_count() or 1) + 1), "--worker-class", "selvedge_worker.Worker"),
        *("--bind", f"unix:/run/a-1/{folder.rpartition('/')[2]}.sock", "--umask", "0"),
        *("--timeout", "30", "--graceful-timeout", "30", "--forwarded-allow-ips", "*", "--worker-tmp-dir", "/dev/shm"),
        *("--log-level", "info", "--log-file", "-"),
    ]
    found = dict(pair.split("=", 1) for pair in variables.split("\0") if pair)
    own = {"HOME": "/srv/a-1/shared", "PATH": f"{folder}/.venv/bin:/usr/local/bin:/usr/bin:/bin", "COMMIT": COMMIT}
    wanted = {**ENVIRONMENT, **own, "PYTHONPATH": f"{code}:{code}/src:{folder}", "RELEASE": folder.rpartition("/")[2]}
    assert {name: found.get(name) for name in wanted} == wanted
    assert not server.path("/root/pwned").exists()


def test_the_release_switch_gets_its_values_unchanged(server: Any, hostile: Target) -> None:
    shell = changed(declared("supervisor", hostile), "Live")
    names = "app new base health health_host module migrate before_switch"
    show = " ".join(f'"${name}"' for name in names.split())
    done = server.run(f"switch_release() {{ printf '%s\\0' {show}; }}\n{shell}")
    values = dict(zip(names.split(), done.stdout.decode().split("\0"), strict=False))
    assert values["migrate"] == values["before_switch"] == TEXT
    assert values["health"] == HOSTILE["health"] and values["health_host"] == "x-y.example"
    assert (values["app"], values["module"]) == ("a-1", "_pkg._mod_1:_site.app")
    assert not server.path("/root/pwned").exists()


def test_hooks_get_their_commands_unchanged(server: Any, hostile: Target) -> None:
    shell = changed(declared("gunicorn", hostile), "BuildHook")
    functions = "hook_build() { shift $(($1 + 1)); printf '%s\\0' \"$@\"; }\n"
    assert server.run(functions + shell).stdout.decode().split("\0")[:-1] == [TEXT, "second"]


def test_certbot_gets_its_arguments_unchanged(server: Any, hostile: Target) -> None:
    shell = changed(declared("certbot", hostile), "Certificate")
    done = server.run(f"certbot_issue() {{ printf '%s\\0' \"$@\" \"$server\" \"$checked\"; }}\n{shell}")
    arguments = done.stdout.decode().split("\0")
    assert HOSTILE["tls"]["email"] in arguments and HOSTILE["tls"]["acme_server"] in arguments
    names = [*HOSTILE["domains"], "x-y.example"]
    assert arguments[-2] == " ".join(names) and [arguments[i + 1] for i, word in enumerate(arguments) if word == "-d"] == names


def test_git_gets_its_arguments_unchanged(server: Any, hostile: Target, target: Callable[..., Target]) -> None:
    app = target(COMMIT, repository="ssh://git@[2001:db8::1]:2222/~me/a%20b,c=d.git")
    names = "url repo ref deploy_key git_credentials"
    show = " ".join(f'"${name}"' for name in names.split())
    shell = changed(declared("clone", app), "FetchedCommit")
    done = server.run(f"git_fetch() {{ printf '%s\\0' {show}; }}\n{shell}")
    assert done.stdout.decode().split("\0")[:3] == [app.repository, "/srv/hello/repo.git", COMMIT]
    assert hostile.repository_path and hostile.repository_path.name == TEXT.rpartition("/")[2]
