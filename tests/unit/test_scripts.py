"""Whole scripts: those of every step on a bare server stand in golden/, so that a change of them is seen and meant.

`GOLDEN=write pytest tests/unit/test_scripts.py` writes them anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fabfile
from selvedge import shell
from selvedge.plan import Plan, apply_script, open_payload, parse_facts, plan, read_script
from selvedge.resources.base import Resource
from selvedge.rollout import SCRIPT_HEAD
from selvedge.settings import Target
from selvedge.shell import library
from selvedge.step import Step

GOLDEN = Path(__file__).parent / "golden"
MARK = "@selvedge"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CANARY = "c4nary-s3cret"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop"
CHAINS = [fabfile.namespace["setup"], fabfile.namespace["deploy"]]
# Two hosts, which between them have a value for each setting that reaches a server.
FULL: dict[str, Any] = {
    "repository": f"https://me:{CANARY}@git.example.com/me/hello.git",
    "root": "backend",
    "module": "hello.web:app",
    "domains": ["hello.example.com", "www.hello.example.com"],
    "workers": 3,
    "timeout": 45,
    "log_level": "debug",
    "health": "/health?full=1",
    "health_status": ["200-299", 301],
    "health_host": "health.example.com",
    "migrate": "alembic upgrade head && echo 'done: $HOME'",
    "env_file": "production.env",
    "python": "3.12",
    "requirements": "requirements/production.txt",
    "tls": {"email": "me@example.com", "acme_server": "https://acme.example.com/directory", "hsts": 31536000},
    "nginx": {"static": {"/static": "static"}, "media": {"/media": "uploads"}, "max_body": "100m"},
    "server": {"open_ports": [8443], "ignore_ips": ["198.51.100.7"], "authorized_keys": ["me.pub"], "reboot_time": "03:30"},
    "hooks": {
        "before_build": ["local: npm run build"],
        "after_build": ["python manage.py check && echo 'it''s built'"],
        "before_switch": ["./warm-up"],
        "after_switch": ["./tell released", "local: ./tell released"],
        "on_failure": ["./tell failed"],
    },
}
PLAIN: dict[str, Any] = {
    "repository": "ssh://git@git.example.com:2222/me/hello.git",
    "installer": "pip",
    "release_header": False,
    "strategy": "restart",
    "server": {"authorized_keys": ["me.pub"], "sudo": "password", "allow_forwarding": True, "automatic_reboot": False},
    "nginx": {"gzip": False, "security_headers": False},
}
HOSTS = {"full": FULL, "plain": PLAIN}


@pytest.fixture
def host(target: Callable[..., Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Target]:
    """The settings of one of the two hosts."""
    (tmp_path / "production.env").write_text(f'TOKEN="{CANARY}"\nPLAIN=x\n')
    (tmp_path / "me.pub").write_text(KEY + "\n")
    monkeypatch.setattr("selvedge.resources.live.who", lambda: "me@laptop")
    return lambda name: target(COMMIT, **HOSTS[name])


def steps(app: Target) -> Iterator[Step]:
    """The steps of both chains, each once."""
    yield from dict.fromkeys(part for chain in CHAINS for part in chain.parts(app))


# Where a bare server prints something else than "absent", or nothing.
BARE = {
    "Firewall": "\n--- ssh\n22\n",
    "HostKey": "256 SHA256:x root@bare (ED25519)\n2048 SHA256:x root@bare (RSA)\n",
    "IncludeFirst": "KbdInteractiveAuthentication no\n",
    "Listen": "nginx version: nginx/1.22.1\nabsent\n",
    "Password": "deploy L 2026-01-01 0 99999 7 -1\n",
    "Sysctl": "\n--- file\nabsent\n\n--- live\nkernel/kptr_restrict:0\n\n--- refused\n",
}


def bare(resource: Resource) -> str:
    """What the resource's probe prints on a server that has nothing yet."""
    return BARE.get(type(resource).__name__, "absent\n" * resource.probe().count("path_fact "))


def planned(step: Step, app: Target) -> Plan:
    resources = list(step.resources(app))
    return plan(resources, [bare(resource) for resource in resources])


def scripts(app: Target) -> dict[str, str]:
    """What is run: the reading of each chain, and each section of each step's changes."""
    found = {}
    for chain in CHAINS:
        resources = [resource for part in chain.parts(app) for resource in part.resources(app)]
        found[f"{chain.name}.read"] = read_script(resources, MARK)
    for step in steps(app):
        parts = planned(step, app).sections()
        made = [apply_script(part, MARK, lock=app.name, log=app.name) for part in parts]
        found[f"{step.name}.apply"] = "".join(made)
    return found


def legible(script: str) -> str:
    """The script with the libraries' text left out, which is tested elsewhere and would stand in each of them."""
    for path in Path(shell.__file__).parent.glob("*.sh"):
        script = script.replace(library(path.stem), f"# … the library {path.stem}\n")
    return script


@pytest.mark.parametrize("name", HOSTS)
def test_scripts_are_as_they_were(host: Callable[..., Target], name: str) -> None:
    found = {f"{name}.{what}.sh": legible(script) for what, script in scripts(host(name)).items()}
    if os.environ.get("GOLDEN") == "write":
        for path in GOLDEN.glob(f"{name}.*"):
            path.unlink()
        for file, text in found.items():
            GOLDEN.mkdir(exist_ok=True)
            (GOLDEN / file).write_text(text, encoding="utf-8")
    assert sorted(found) == sorted(path.name for path in GOLDEN.glob(f"{name}.*"))
    for file, text in found.items():
        how = "If the change is meant: GOLDEN=write pytest tests/unit/test_scripts.py"
        assert text == (GOLDEN / file).read_text(encoding="utf-8"), f"{file} is another script now. {how}"


@pytest.mark.parametrize("name", HOSTS)
def test_scripts_are_good_shell(host: Callable[..., Target], name: str, tmp_path: Path) -> None:
    """To `sh -n`, and to shellcheck as `--script` prints them: behind a line that says what it may overlook."""
    shellcheck = Path(sys.executable).parent / "shellcheck"
    assert shellcheck.exists(), "shellcheck is missing: pip install -r requirements-test.txt"
    files = []
    for what, script in scripts(host(name)).items():
        path = tmp_path / f"{what}.sh"
        path.write_text(f"{SCRIPT_HEAD}\n{script}", encoding="utf-8")
        done = subprocess.run(["dash", "-n", path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), what
        files.append(path)
    done = subprocess.run([shellcheck, "-f", "gcc", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", HOSTS)
def test_scripts_have_no_secret_and_no_placeholder(host: Callable[..., Target], name: str) -> None:
    for what, script in scripts(host(name)).items():
        assert CANARY not in script, what
        assert "{{" not in script.replace("${{", "") and "{%" not in script, what
        assert not re.search(r"\b(None|True|False)\b", legible(script)), what


def test_the_secrets_travel_beside_the_scripts(host: Callable[..., Target]) -> None:
    """Else the test above could not fail."""
    app = host("full")
    payloads = {
        step.name: b"".join(open_payload(payload).read() for payload in planned(step, app).payload()) for step in steps(app)
    }
    assert payloads["clone"] == f"https://me:{CANARY}@git.example.com\n".encode()
    assert f'TOKEN="{CANARY}"\n'.encode() in payloads["gunicorn"]


@pytest.mark.parametrize("name", HOSTS)
def test_a_step_has_neither_secrets_in_summaries_nor_in_diffs(host: Callable[..., Target], name: str) -> None:
    for step in steps(host(name)):
        for resource, change in planned(step, host(name)).changes:
            for text in (change.summary, change.diff, change.remedy, repr(resource), resource.identity()):
                assert CANARY not in text, (step.name, change.summary)


@pytest.mark.parametrize("name", HOSTS)
def test_every_resource_of_every_step_changes_a_bare_server_or_says_why_not(host: Callable[..., Target], name: str) -> None:
    app = host(name)
    unchanged = {
        type(resource).__name__
        for step in steps(app)
        for resource in step.resources(app)
        if resource.plan(bare(resource)) is None
    }
    # The ports are free, nothing stands where nothing must, and no login is left to be proved.
    assert unchanged <= {"Port", "Absent", "Proved", "PlainHttp"}




@pytest.mark.parametrize("name", HOSTS)
def test_reading_writes_nothing(server: Any, host: Callable[..., Target], name: str) -> None:
    """On a server that has files where the app's files would be."""
    app = host(name)
    for path in ("/etc/nginx/sites-available/hello", "/srv/hello/repo.git/HEAD", "/etc/ssh/sshd_config", "/srv/hello/current/x"):
        server.path(path).parent.mkdir(parents=True, exist_ok=True)
        server.path(path).write_text("something\n")
    for chain in CHAINS:
        resources = [resource for part in chain.parts(app) for resource in part.resources(app)]
        before = server.tree()
        done = server.run(read_script(resources, MARK))
        assert parse_facts(done.stdout.decode(), MARK, len(resources)) is not None, done.stdout
        assert server.tree() == before
