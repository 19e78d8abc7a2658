"""What the steps declare: no server, no connection, only settings in and resources out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from selvedge.instance import Instance
from selvedge.settings import Target
from selvedge.step import Option, Pending, Step, chain, step

import fabfile
from selvedge.resources.base import Loader, Resource
from selvedge.resources.files import Absent, Directory, File, Link
from selvedge.resources.git import Checkout, DeployKey, Fetched, GitHostKey, Mirror, Pushed
from selvedge.resources.need import Needs
from selvedge.resources.site import NotDebians
from selvedge.resources.system import Packages, User
from selvedge.resources.venv import Venv

COMMIT = "0123456789abcdef0123456789abcdef01234567"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@laptop\n"
OWN_KEY = {"server": {"authorized_keys": ["me.pub"]}}
NAMED = {"domains": ["a.test", "www.a.test"], **OWN_KEY}
# Settings that change what is declared, each in another direction.
SETTINGS: dict[str, dict[str, Any]] = {
    "nothing set": OWN_KEY,
    "domains": NAMED,
    "everything": {
        **NAMED,
        "repository": "https://me:t0ken@git.example.com/me/hello.git",
        "root": "backend",
        "python": "3.12",
        "env_file": "production.env",
        "migrate": "true",
        "nginx": {"static": {"/static": "static"}, "media": {"/media": "uploads"}},
        "hooks": {name: ["true", "local: true"] for name in ("before_build", "after_build", "before_switch", "after_switch")},
    },
    "over ssh, by pip": {**OWN_KEY, "repository": "ssh://git@git.example.com:2222/hello.git", "installer": "pip"},
    "no header, own worker": {**NAMED, "release_header": False, "worker_class": "my.Worker"},
    "systemd": {**NAMED, "manager": "systemd", "python": "3.12"},
    "TLS ends elsewhere": {**NAMED, "tls": {"upstream": True}},
    "certbot by pip": {**NAMED, "tls": {"certbot": "pip", "staging": True, "email": "me@a.test"}},
    "an open server": {"server": {"firewall": False, "fail2ban": False, "unattended_upgrades": False, **OWN_KEY["server"]}},
}
CHAIN = ["setup", "deploy"]
# What the packages that `install` brings put there.
PACKAGED = ("/usr/bin/git", "/etc/nginx/nginx.conf", "/etc/supervisor/supervisord.conf", "/etc/logrotate.conf")


@pytest.fixture
def app(target: Callable[..., Target], tmp_path: Any) -> Callable[..., Target]:
    """The settings of this name in SETTINGS."""
    (tmp_path / "me.pub").write_text(KEY)
    (tmp_path / "production.env").write_text("TOKEN=c4nary\n")
    return lambda name, commit=COMMIT, **more: target(commit, **{**SETTINGS[name], **more})


def parts(app: Target) -> list[Step]:
    """The steps of setup and deploy, each once, in their order."""
    return list(dict.fromkeys(part for name in CHAIN for part in fabfile.namespace[name].parts(app)))


def every(app: Target) -> Iterator[tuple[str, Resource]]:
    """All resources of setup and deploy, with their step's name."""
    for part in parts(app):
        for resource in part.resources(app):
            yield str(part.name), resource


def of(name: str, app: Target, kind: type[Any] = Resource) -> list[Any]:
    """The resources of a step that are of this kind."""
    return [resource for resource in fabfile.namespace[name].resources(app) if isinstance(resource, kind)]


def file(name: str, app: Target, path: str) -> File:
    """The file that a step declares at a path."""
    (found,) = (each for each in of(name, app, File) if each.path == path)
    return found


# --- what holds for all steps ---


@pytest.mark.parametrize("name", SETTINGS)
class TestAllSteps:
    def test_the_same_settings_declare_the_same(self, app: Callable[..., Target], name: str) -> None:
        first, again = list(every(app(name))), list(every(app(name)))
        assert [(step, each.identity()) for step, each in first] == [(step, each.identity()) for step, each in again]
        assert not [each for _, each in first if re.search(r"0x[0-9a-f]{6,}|\bobject at\b", repr(each))]

    def test_no_two_steps_want_different_things_of_one_path(self, app: Callable[..., Target], name: str) -> None:
        wanted: dict[str, Resource] = {}
        for step_name, each in every(app(name)):
            if isinstance(each, File | Directory | Link | Absent):
                assert wanted.setdefault(each.path, each) == each, f"{step_name}: {each.path}"

    def test_a_loader_comes_behind_what_it_loads(self, app: Callable[..., Target], name: str) -> None:
        for part in parts(app(name)):
            before: list[Resource] = []
            for each in part.resources(app(name)):
                if isinstance(each, Loader):
                    missing = [load for load in each.loads if not any(load is other for other in before)]
                    assert not missing, f"{part.name}: {each!r} loads {missing}, which the step does not yield before"
                before.append(each)

    def test_what_a_step_needs_an_earlier_one_makes(self, app: Callable[..., Target], name: str) -> None:
        settings = app(name)
        order = [str(part.name) for part in parts(settings)]
        made = dict.fromkeys(PACKAGED, "install")
        for step_name, each in every(settings):
            if isinstance(each, Needs):
                assert made.get(each.path) == each.task, f"{step_name} needs {each.path}"
                assert order.index(each.task) < order.index(step_name)
            elif isinstance(each, Venv):
                made[f"{each.release}/.venv/bin/python"] = step_name
            elif hasattr(each, "path"):
                made.setdefault(each.path, step_name)

    def test_the_app_can_change_nothing_that_root_or_nginx_reads(self, app: Callable[..., Target], name: str) -> None:
        settings = app(name)
        may_write = (settings.paths.shared, settings.paths.run)
        for step_name, each in every(settings):
            if isinstance(each, File | Directory):
                assert each.owner == "root" or each.path.startswith(may_write), f"{step_name}: {each.path}"
                group_writes = int(each.mode, 8) & 0o020
                assert not group_writes and not int(each.mode, 8) & 0o002, f"{step_name}: {each.path} {each.mode}"

    def test_secrets_are_read_by_nobody_else(self, app: Callable[..., Target], name: str) -> None:
        settings = app(name)
        for step_name, each in every(settings):
            if isinstance(each, File) and (each.secret or "c4nary" in each.text or "t0ken" in each.text):
                assert each.secret and not int(each.mode, 8) & 0o007, f"{step_name}: {each.path}"
                assert each.group in ("root", settings.name)
        assert not [each for _, each in every(settings) if "c4nary" in repr(each) or "t0ken" in repr(each)]

    def test_paths_are_absolute_and_the_apps_own_or_a_programs(self, app: Callable[..., Target], name: str) -> None:
        for step_name, each in every(app(name)):
            if isinstance(each, File | Directory | Link | Absent):
                path = PurePosixPath(each.path)
                assert path.is_absolute() and ".." not in path.parts and str(path) == each.path, f"{step_name}: {each.path}"
                assert re.match(r"/(srv|run|var/log)/hello(/|$)|/var/www/letsencrypt$|/etc/", each.path), each.path

    def test_files_end_with_a_line_and_have_no_tail_of_blanks(self, app: Callable[..., Target], name: str) -> None:
        for step_name, each in every(app(name)):
            if isinstance(each, File) and not each.secret:
                assert each.text.endswith("\n") and not each.text.endswith("\n\n"), f"{step_name}: {each.path}"
                assert not re.search(r"[ \t]+$|\n{4,}", each.text, re.MULTILINE), f"{step_name}: {each.path}"

    def test_what_needs_a_commit_waits_for_one_and_says_what_it_can(self, app: Callable[..., Target], name: str) -> None:
        settings = app(name, commit=None)
        for part in parts(settings):
            known: list[Resource] = []
            try:
                for each in part.resources(settings):
                    known.append(each)
                waits = False
            except Pending as pending:
                waits = True
                assert str(pending)
            assert waits is part.needs_commit, part.name
            assert known == list(part.resources(app(name)))[: len(known)], part.name


# --- chains and phases ---


def test_the_chains_are_the_tutorials_order(app: Callable[..., Target]) -> None:
    names = {chain: [part.name for part in fabfile.namespace[chain].parts(app("domains"))] for chain in CHAIN}
    assert names == {
        "setup": ["update", "harden", "install"],
        "deploy": ["install", "clone", "venv", "gunicorn", "supervisor", "nginx", "certbot"],
    }


def test_what_can_cost_a_request_comes_last(app: Callable[..., Target]) -> None:
    phases = [part.phase for part in fabfile.namespace["deploy"].parts(app("domains"))]
    assert phases == sorted(phases) and set(phases) == {"build", "switch"}
    switching = [part.name for part in fabfile.namespace["deploy"].parts(app("domains")) if part.phase == "switch"]
    assert switching == ["supervisor", "nginx", "certbot"]


def test_every_step_has_the_flags_of_the_contract() -> None:
    for name in fabfile.namespace.task_names:
        task = fabfile.namespace[name]
        if isinstance(task, Step):
            flags = [argument.attr_name or argument.name for argument in task.get_arguments()]
            assert flags[:3] == ["dry_run", "script", "wait"], name
            assert not [flag for flag in task.get_arguments() if len(flag.names) > 1], f"{name} has a short flag"
    deploy = {option.name for option in fabfile.namespace["deploy"].options}
    assert {"commit", "branch", "force"} <= deploy
    assert {"commit", "branch"} <= {option.name for option in fabfile.namespace["clone"].options}


def test_every_flag_has_a_line_of_help() -> None:
    for name in fabfile.namespace.task_names:
        task = fabfile.namespace[name]
        for option in getattr(task, "options", ()):
            assert re.fullmatch(r"[A-Z].*[.)]", option.help), f"{name} --{option.name}: {option.help}"


def one(name: str) -> Step:
    """A step of a single resource."""

    def body(app: Any) -> Iterator[Resource]:  # noqa: ARG001
        yield Absent(f"/{name}")

    return Step(body, name=name)


def test_a_chain_may_be_made_of_chains() -> None:
    first, second = one("first"), one("second")

    @chain(options=(Option("x", "X."),))
    def inner(app: Any) -> Any:  # noqa: ARG001
        yield first
        yield second

    @chain
    def outer(app: Any) -> Any:
        yield second
        yield inner
        if app:
            yield first

    assert outer.parts(None) == [second, first, second]
    assert outer.parts("a") == [second, first, second, first]
    assert [option.name for option in inner.options] == ["dry_run", "script", "wait", "x"]
    assert (inner.name, first.parts(None)) == ("inner", [first])


def test_what_mixes_steps_and_resources_is_refused() -> None:
    def mixed(app: Any) -> Any:  # noqa: ARG001
        yield one("first")
        yield Absent("/x")

    with pytest.raises(TypeError, match="mixed: what yields steps is a @chain"):
        list(step(mixed).resources(None))
    with pytest.raises(TypeError, match="mixed: what yields steps is a @chain"):
        chain(mixed).parts(None)


def test_a_chain_may_be_empty() -> None:
    @chain
    def nothing(app: Any) -> Any:
        if app:
            yield one("first")

    assert nothing.parts(None) == []


def test_a_step_that_waits_at_once_is_a_step() -> None:
    @step(needs_commit=True)
    def waits(app: Any) -> Any:
        raise Pending("later")
        yield app

    assert waits.parts(None) == [waits]


# --- clone ---


def test_a_repository_with_a_token(app: Callable[..., Target]) -> None:
    settings = app("everything")
    credentials = file("clone", settings, "/srv/hello/git_credentials")
    assert (credentials.text, credentials.mode, credentials.secret) == ("https://me:t0ken@git.example.com\n", "0600", True)
    (fetched,) = of("clone", settings, Fetched)
    assert fetched.url == "https://git.example.com/me/hello.git" and fetched.git_credentials == credentials.path
    assert not of("clone", settings, DeployKey) and not of("clone", settings, Pushed)
    assert Absent(credentials.path) in of("clone", app("nothing set"), Absent), "a token that is used no more goes"


def test_a_repository_over_ssh(app: Callable[..., Target]) -> None:
    settings = app("over ssh, by pip")
    assert of("clone", settings, DeployKey) == [DeployKey("/srv/hello/deploy_key", "hello@server")]
    assert of("clone", settings, GitHostKey) == [GitHostKey("/srv/hello/git_known_hosts", "git.example.com", 2222)]
    (fetched,) = of("clone", settings, Fetched)
    (checkout,) = of("clone", settings, Checkout)
    assert fetched.deploy_key == checkout.deploy_key == "/srv/hello/deploy_key"
    assert checkout.submodule_base == settings.repository


def test_a_repository_of_this_machine(app: Callable[..., Target], tmp_path: Any) -> None:
    settings = app("nothing set", repository="./my app")
    assert of("clone", settings, Pushed) == [Pushed("/srv/hello/repo.git", tmp_path / "my app", COMMIT)]
    assert not of("clone", settings, Fetched) and not of("clone", settings, DeployKey)


def test_the_app_runs_as_a_user_who_cannot_log_in(app: Callable[..., Target]) -> None:
    (user,) = of("clone", app("nothing set"), User)
    assert (user.name, user.system, user.shell, user.groups) == ("hello", True, "/usr/sbin/nologin", ())
    (mirror,) = of("clone", app("nothing set"), Mirror)
    assert mirror.path == "/srv/hello/repo.git"


# --- venv, gunicorn, supervisor ---


@pytest.mark.parametrize(("name", "extras"), [
    ("nothing set", ("gunicorn", "uvicorn-worker")),
    ("no header, own worker", ("gunicorn",)),
])  # fmt: skip
def test_what_serves_the_app_is_added_to_its_requirements(app: Callable[..., Target], name: str, extras: tuple[str]) -> None:
    (venv,) = of("venv", app(name), Venv)
    assert venv.extras == extras
    assert venv.release == f"/srv/hello/releases/{COMMIT[:12]}" and venv.user == "hello"


def test_the_start_script_of_an_instance(app: Callable[..., Target]) -> None:
    settings = app("everything")
    instance = Instance.of(settings)
    assert re.fullmatch(r"0123456789ab-[0-9a-f]{6}", instance.id)
    assert file("gunicorn", settings, f"{instance.folder}/env").text == 'TOKEN="c4nary"\n'
    modes = {each.path.rpartition("/")[2]: each.mode for each in of("gunicorn", settings, File) if instance.id in each.path}
    assert modes == {"env": "0640", "run": "0750", "selvedge_worker.py": "0640", "gunicorn_start": "0750"}


# Each module says that it is loaded, and whether the app's settings were known to be complete by then.
LIBRARY = """
import os
print(__name__, os.path.exists("{held}"), flush=True)
class UvicornWorker: CONFIG_KWARGS = {{"a": 1}}
Worker = UvicornWorker
"""
LOADS = """
import gc, sys, threading, os
threading.Timer(0.3, os.remove, ["{held}"]).start()
import selvedge_worker
print(gc.isenabled(), gc.get_freeze_count() > 0, getattr(selvedge_worker.Worker, "CONFIG_KWARGS", None))
"""


@pytest.mark.parametrize(("name", "said"), [
    ("nothing set", ["uvicorn_worker True", "fastapi True", "True True {'a': 1, 'headers': [('x-release', 'r')]}"]),
    ("no header, own worker", ["uvicorn_worker True", "fastapi True", "my False", "True True {'a': 1}"]),
])  # fmt: skip
def test_gunicorn_loads_libraries_and_waits_for_the_settings_before_it_loads_anything_of_the_app(
    app: Callable[..., Target], tmp_path: Path, name: str, said: list[str]
) -> None:
    settings, held = app(name), tmp_path / "held"
    held.touch()
    for module in ("uvicorn_worker", "fastapi", "my"):
        (tmp_path / f"{module}.py").write_text(LIBRARY.format(held=held))
    folder = Instance.of(settings).folder
    text = file("gunicorn", settings, f"{folder}/selvedge_worker.py").text
    (tmp_path / "selvedge_worker.py").write_text(text.replace(folder, str(tmp_path)))
    environment = {"PYTHONPATH": str(tmp_path), "RELEASE": "r"}
    done = subprocess.run(
        [sys.executable, "-c", LOADS.format(held=held)], env=environment, capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.splitlines() == said


def test_a_library_that_cannot_be_loaded_is_the_workers_to_complain_of(app: Callable[..., Target], tmp_path: Path) -> None:
    settings = app("nothing set")
    (tmp_path / "fastapi.py").write_text("1 / 0\n")
    (tmp_path / "uvicorn_worker.py").write_text("class UvicornWorker: pass\n")
    text = file("gunicorn", settings, f"{Instance.of(settings).folder}/selvedge_worker.py").text
    (tmp_path / "selvedge_worker.py").write_text(text)
    environment = {"PYTHONPATH": str(tmp_path), "RELEASE": "r"}
    subprocess.run([sys.executable, "-c", "import selvedge_worker"], env=environment, check=True, timeout=20)


def test_workers_are_one_more_than_the_servers_cores_unless_set(app: Callable[..., Target]) -> None:
    for workers, line in ((None, "WORKERS=$(($(nproc) + 1))"), (3, "WORKERS=3")):
        settings = app("nothing set", workers=workers)
        assert f"{line}\n" in file("gunicorn", settings, f"{Instance.of(settings).folder}/gunicorn_start").text


CHANGED = [
    {"timeout": 31},
    {"workers": 3},
    {"module": "other:app"},
    {"release_header": False},
    {"log_level": "debug"},
    {"root": "backend"},
    {"stop_timeout": 31},
    {"python": "3.12"},
    {"installer": "pip"},
    {"env_file": "production.env"},
]


def test_another_setting_of_the_process_is_another_instance(app: Callable[..., Target], tmp_path: Any) -> None:
    base = Instance.of(app("nothing set")).id
    found = [Instance.of(app("nothing set", **change)).id for change in CHANGED]
    (tmp_path / "production.env").write_text("TOKEN=other\n")
    found.append(Instance.of(app("nothing set", env_file="production.env")).id)
    assert len({base, *found}) == 1 + len(found)
    assert Instance.of(app("nothing set")).id == base
    # What only nginx or the checks of a release use starts no process anew.
    for same in ({"domains": ["b.test"]}, {"health": "/health"}, {"keep_releases": 9}, {"branch": "other"}):
        assert Instance.of(app("nothing set", **same)).id == base, same


def test_the_digest_of_an_instance_tells_nothing_of_its_secrets(app: Callable[..., Target]) -> None:
    instance = Instance.of(app("everything"))
    assert "c4nary" not in repr(instance) and instance.environment_text() == 'TOKEN="c4nary"\n'


def test_an_instance_without_a_commit_is_a_fault_of_the_program(app: Callable[..., Target]) -> None:
    with pytest.raises(ValueError, match="commit"):
        Instance.of(app("nothing set", commit=None))


# --- nginx ---


def test_the_site_without_a_name_answers_by_address(app: Callable[..., Target]) -> None:
    text = file("nginx", app("nothing set"), "/etc/nginx/sites-available/hello").text
    assert "listen 80 default_server;" in text and "server_name _;" in text
    named = file("nginx", app("domains"), "/etc/nginx/sites-available/hello").text
    assert "listen 80;" in named and "server_name a.test www.a.test;" in named


def test_debians_own_site_goes(app: Callable[..., Target]) -> None:
    assert of("nginx", app("domains"), NotDebians)


def test_the_firewall_and_fail2ban_can_be_left_out(app: Callable[..., Target]) -> None:
    (packages,) = of("harden", app("an open server"), Packages)
    assert "ufw" not in packages.names and "fail2ban" not in packages.names
    assert not [each for each in of("harden", app("an open server")) if type(each).__name__ == "Firewall"]
    (packages,) = of("harden", app("nothing set"), Packages)
    assert {"ufw", "fail2ban"} <= set(packages.names)
