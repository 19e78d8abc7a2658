"""Whole scripts: those of every step on a bare server stand in golden/, so that a change of them is seen and meant.

`GOLDEN=write pytest tests/unit/test_scripts.py` writes them anew; look at the difference before it is committed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from readers import nginx_file, supervisor_programs
from selvedge.plan import Plan, apply_script, open_payload, parse_facts, plan, read_script
from selvedge.rollout import SCRIPT_HEAD
from selvedge.settings import Target
from selvedge.step import Step

import fabfile
from selvedge import shell
from selvedge.resources.base import Resource
from selvedge.resources.files import Directory, File
from selvedge.shell import library

GOLDEN = Path(__file__).parent / "golden"
LIBRARIES = {path.stem: library(path.stem) for path in sorted(Path(shell.__file__).parent.glob("*.sh"))}
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
    "manager": "systemd",
    "installer": "pip",
    "release_header": False,
    "strategy": "restart",
    "memory_max": "512M",
    "tasks_max": 64,
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
    "Admitted": "allowusers root\ngroups sudo deploy\n",
    "Entries": "#ENCRYPT_METHOD YESCRYPT\n#log_martians\n",
    "Firewall": "\n--- ssh\n22\n",
    "HostKey": "256 SHA256:x root@bare (ED25519)\n2048 SHA256:x root@bare (RSA)\n",
    "IncludeFirst": "KbdInteractiveAuthentication no\n",
    "Jails": "\n--- unit\nId=fail2ban.service\nActiveState=active\n\n--- loaded\n\n--- file\nabsent\n",
    "Listen": "nginx version: nginx/1.22.1\nabsent\n",
    "OpenFiles": "--\nabsent\n",
    "Password": "deploy L 2026-01-01 0 99999 7 -1\n",
    "Sysctl": "\n--- file\nabsent\n\n--- live\nkernel/kptr_restrict:0\n\n--- refused\n",
}


def bare(resource: Resource) -> str:
    """What the resource's probe prints on a server that has nothing yet."""
    return BARE.get(type(resource).__name__, "absent\n" * resource.probe().count("path_fact "))


def planned(step: Step, app: Target) -> Plan:
    resources = list(step.resources(app))
    return plan(resources, [bare(resource) for resource in resources])


def parts(app: Target) -> dict[str, list[str]]:
    """What is run: the reading of each chain, and each section of each step's changes, which is a script of its own."""
    found = {}
    for chain in CHAINS:
        resources = [resource for part in chain.parts(app) for resource in part.resources(app)]
        found[f"{chain.name}.read"] = [read_script(resources, MARK)]
    for step in steps(app):
        sections = planned(step, app).sections()
        found[f"{step.name}.apply"] = [apply_script(part, MARK, lock=app.name, log=app.name) for part in sections]
    return found


def scripts(app: Target) -> dict[str, str]:
    """The same, each as one text."""
    return {what: "".join(sections) for what, sections in parts(app).items()}


def legible(script: str) -> str:
    """The script with the libraries' text left out, which is tested elsewhere and would stand in each of them."""
    for name, text in LIBRARIES.items():
        script = script.replace(text, f"# … the library {name}\n")
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


def shellcheck(text: str, *options: str) -> str:
    """What shellcheck says to a script behind the line that `--script` begins with, which tells what it may overlook."""
    program = Path(sys.executable).parent / "shellcheck"
    assert program.exists(), "shellcheck is missing: pip install -r requirements-test.txt"
    command = [program, "-f", "gcc", *options, "-"]
    done = subprocess.run(command, input=f"{SCRIPT_HEAD}\n{text}", capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_scripts_are_good_shell(host: Callable[..., Target]) -> None:
    """To dash, and to shellcheck: all of them behind the libraries, which would cost seconds in each."""
    found = {f"{name}.{what}": script for name in HOSTS for what, script in scripts(host(name)).items()}
    for what, script in found.items():
        done = subprocess.run(["dash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), what
    used = [text for text in LIBRARIES.values() if any(text in script for script in found.values())]
    assert shellcheck("\n".join([*used, *map(legible, found.values())]), "--extended-analysis=false") == ""


def test_a_script_as_it_is_printed_is_good_shell(host: Callable[..., Target]) -> None:
    for what in ("clone.apply", "gunicorn.apply"):
        assert shellcheck(scripts(host("full"))[what]) == ""


FUNCTION = re.compile(r"^(\w+)\(\) [{(](.*?)\n?[})]$", re.MULTILINE | re.DOTALL)
BODIES = {name: body for text in LIBRARIES.values() for name, body in FUNCTION.findall(text)}


def called(text: str) -> set[str]:
    """The libraries' functions that a text calls, and those that they call."""
    found: set[str] = set()
    todo = {""}
    while todo:
        texts = [BODIES[name] if name else text for name in todo]
        words = {word for each in texts for word in re.findall(r"(?<![\w/.=$-])\w+\b(?!=)", re.sub(r"(^|\s)#.*", "", each))}
        found |= todo
        todo = (words & set(BODIES)) - found
    return found - {""}


@pytest.mark.parametrize("name", HOSTS)
def test_a_script_has_every_function_that_it_calls(host: Callable[..., Target], name: str) -> None:
    """A change, or a resource, names the libraries that it uses; one that it forgets is missing on the server only."""
    assert {"put_failed", "keep", "fail"} <= called("x | put /etc/x")
    for what, sections in parts(host(name)).items():
        for script in sections:
            missing = {each for each in called(legible(script)) if f"\n{each}() " not in f"\n{script}"}
            assert not missing, f"{what} calls {missing}"


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
    assert unchanged <= {"Port", "Absent", "Proved", "PlainHttp", "Names", "NotDebians", "MainFile"}




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


# --- values that are taken, but look like something else ---

TEXT = """it's "quoted" $HOME $(touch /root/pwned) `touch /root/pwned` ; & | < > * ? ~ # %s %(x)s {{ y }} \\n 部署"""
ENVIRONMENT: dict[str, str] = {"ONE": TEXT, "TWO": "a\nb\n", "EMPTY": "", "LAST": "\\", "TAB": "\t", "DOLLAR": "$$"}
ENVIRONMENT |= {"PATH": "/evil", "HOME": "/evil"}
HOSTILE: dict[str, Any] = {
    "name": "a-1",
    "repository": f"./{TEXT}",
    "branch": "größe/部署-1,2@3=4#5",
    "root": "back.end_/x@+y-z",
    "module": "_pkg._mod_1:_site.app",
    "domains": ["xn--mnchen-3ya.example", "a-b.example"],
    "worker_class": "_a._b.C_1",
    "health": "/a%20b/~._-?full=1&x=%24(id)".replace("(", "%28").replace(")", "%29"),
    "health_host": "x-y.example",
    "migrate": TEXT,
    "env_file": "a file's $(x).env",
    "requirements": "req.d/x@+y-z.txt",
    "release_header": False,
    "tls": {"email": "o'hara|`x`$y{z}*&#%/?=^~@example.com", "acme_server": "https://acme.example.com:14000/~a%20b/[x]"},
    "nginx": {"static": {"/~a_-.b": "dir.@+x", "/s/": "deep/er"}, "media": {"/m-/n": "up.load_@"}, "max_body": "1g"},
    "server": {"authorized_keys": ["me.pub"], "ignore_ips": ["2001:db8::/32"]},
    "hooks": {"after_build": [TEXT, "second"], "before_switch": [TEXT]},
}


@pytest.fixture
def hostile(target: Callable[..., Target], tmp_path: Path) -> Target:
    """Settings of which each text is as nasty as its type lets it be."""
    escaped = {name: re.sub(r'(["\\\\])', r"\\\1", value) for name, value in ENVIRONMENT.items()}
    (tmp_path / HOSTILE["env_file"]).write_text("".join(f'{name}="{value}"\n' for name, value in escaped.items()))
    (tmp_path / "me.pub").write_text(KEY + "\n")
    return target(COMMIT, **HOSTILE)


def declared(name: str, app: Target) -> list[Resource]:
    return list(fabfile.namespace[name].resources(app))


def changed(resources: list[Resource], kind: str) -> str:
    """The shell of the change of the only resource of that kind."""
    (resource,) = (each for each in resources if type(each).__name__ == kind)
    change = resource.plan(bare(resource))
    assert change
    return change.shell


def test_the_start_scripts_hand_over_what_the_settings_say(server: Any, hostile: Target) -> None:
    resources = declared("gunicorn", hostile)
    files = [resource for resource in resources if isinstance(resource, File | Directory)]
    # The app's user exists on no machine of the tests.
    server.make(*[replace(each, owner="root", group="daemon") for each in files])
    start = next(each.path for each in files if each.path.endswith("/gunicorn_start"))
    release = hostile.paths.release(COMMIT)
    code, folder = f"{release}/back.end_/x@+y-z", start.removesuffix("/gunicorn_start")
    python = server.path(f"{release}/.venv/bin/python")
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
    own = {"HOME": "/srv/a-1/shared", "PATH": f"{release}/.venv/bin:/usr/local/bin:/usr/bin:/bin", "COMMIT": COMMIT}
    wanted = {**ENVIRONMENT, **own, "PYTHONPATH": f"{code}:{code}/src:{folder}", "RELEASE": folder.rpartition("/")[2]}
    assert {name: found.get(name) for name in wanted} == wanted
    assert not server.path("/root/pwned").exists()


def test_the_release_switch_gets_its_texts_as_they_are(server: Any, hostile: Target) -> None:
    shell = changed(declared("supervisor", hostile), "Live")
    names = "app new base health health_host module migrate before_switch"
    show = " ".join(f'"${name}"' for name in names.split())
    done = server.run(f"live_switch() {{ printf '%s\\0' {show}; }}\n{shell}")
    values = dict(zip(names.split(), done.stdout.decode().split("\0"), strict=False))
    assert values["migrate"] == values["before_switch"] == TEXT
    assert values["health"] == HOSTILE["health"] and values["health_host"] == "x-y.example"
    assert (values["app"], values["module"]) == ("a-1", "_pkg._mod_1:_site.app")
    assert not server.path("/root/pwned").exists()


def test_hooks_get_their_commands_as_they_are(server: Any, hostile: Target) -> None:
    shell = changed(declared("gunicorn", hostile), "Hook")
    functions = "hook_begin() { :; }\nhook_end() { :; }\nhook_command() { for last; do :; done; printf '%s\\0' \"$last\"; }\n"
    assert server.run(functions + shell).stdout.decode().split("\0")[:-1] == [TEXT, "second"]


def test_certbot_gets_its_arguments_as_they_are(server: Any, hostile: Target) -> None:
    shell = changed(declared("certbot", hostile), "Certificate")
    done = server.run(f"certbot_issue() {{ printf '%s\\0' \"$@\"; }}\n{shell}")
    arguments = done.stdout.decode().split("\0")
    assert HOSTILE["tls"]["email"] in arguments and HOSTILE["tls"]["acme_server"] in arguments
    assert arguments[-3:-1] == HOSTILE["domains"]


def test_git_gets_its_arguments_as_they_are(server: Any, hostile: Target, target: Callable[..., Target]) -> None:
    app = target(COMMIT, repository="ssh://git@[2001:db8::1]:2222/~me/a%20b,c=d.git")
    names = "url repo ref deploy_key git_credentials"
    show = " ".join(f'"${name}"' for name in names.split())
    shell = changed(declared("clone", app), "Fetched")
    done = server.run(f"git_fetch() {{ printf '%s\\0' {show}; }}\n{shell}")
    assert done.stdout.decode().split("\0")[:3] == [app.repository, "/srv/hello/repo.git", COMMIT]
    assert hostile.local_path and hostile.local_path.name == TEXT.rpartition("/")[2]


def test_nginx_reads_nothing_else_out_of_its_files(hostile: Target) -> None:
    files = {each.path: nginx_file(each.text) for step in ("nginx", "certbot") for each in declared(step, hostile)
             if isinstance(each, File) and each.path.startswith("/etc/nginx/")}  # fmt: skip
    site = files["/etc/nginx/sites-available/a-1"]
    assert [each.words[0] for each in site.block or []] == ["upstream", "server"]
    for path in ("/etc/nginx/sites-available/a-1", "/etc/nginx/sites-available/a-1-tls"):
        (block,) = files[path].find("server")
        assert [each.words for each in block.find("server_name")] == [["server_name", *HOSTILE["domains"]]]
    shared = files["/etc/nginx/snippets/a-1.conf"]
    aliases = {each.words[-1]: [alias.words[1] for alias in each.find("alias")] for each in shared.find("location")}
    code = "/srv/a-1/current/back.end_/x@+y-z"
    assert aliases == {
        "/~a_-.b/": [f"{code}/dir.@+x/"],
        "/s/": [f"{code}/deep/er/"],
        "/m-/n/": ["/srv/a-1/shared/up.load_@/"],
        "/": [],
    }
    assert [each.words for each in shared.find("client_max_body_size")] == [["client_max_body_size", "1g"]]


def test_supervisor_reads_nothing_else_out_of_its_file(hostile: Target) -> None:
    text = next(each.text for each in declared("supervisor", hostile) if isinstance(each, File))
    ((name, program),) = supervisor_programs(text).items()
    assert re.fullmatch(r"a-1\.0123456789ab-[0-9a-f]{6}", name)
    instance = name.partition(".")[2]
    assert program["command"] == f"/srv/a-1/instances/{instance}/gunicorn_start"
    assert (program["user"], program["directory"]) == ("a-1", hostile.paths.release(COMMIT))
    assert program["stdout_logfile"] == f"/var/log/a-1/{instance}.log"
    # The app's user cannot choose what runs as somebody else: the program's file names no other option.
    assert set(program) == set(SUPERVISOR.split())


SUPERVISOR = """command directory user autostart autorestart startsecs startretries stopsignal stopwaitsecs killasgroup
redirect_stderr stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups"""


def test_systemd_expands_nothing_in_its_units(target: Callable[..., Target], hostile: Target, tmp_path: Path) -> None:
    """`%` and `$` would be read as specifiers and variables; a share of the memory is a share (systemd.resource-control)."""
    app = target(COMMIT, **{**HOSTILE, "manager": "systemd", "memory_max": "75%"})
    assert app.base_dir == hostile.base_dir == tmp_path
    units = [each for each in declared("supervisor", app) if isinstance(each, File) and ".service" in each.path]
    assert units
    for unit in units:
        rows = [row for row in unit.text.splitlines() if row and not row.startswith("#")]
        assert all(re.fullmatch(r"\[[A-Z][a-z]+\]|[A-Z][A-Za-z]+=.*", row) for row in rows), unit.path
        assert [row for row in rows if "%" in row or "$" in row or "\\" in row] == ["MemoryMax=75%"]


def test_the_worker_module_is_python_whatever_its_class_is_called(target: Callable[..., Target]) -> None:
    app = target(COMMIT, worker_class="_a._b.C_1")
    text = next(each.text for each in declared("gunicorn", app) if isinstance(each, File) and "worker" in each.path)
    assert "from _a._b import C_1 as _Worker" in text
    compile(text, "worker", "exec")
