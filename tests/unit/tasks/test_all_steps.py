"""What holds for the resources of every step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from selvedge.config.target import Target
from selvedge.errors import Pending
from selvedge.resources.base import Loader, Resource
from selvedge.resources.code.venv import Venv
from selvedge.resources.files import Absent, Directory, File, Link
from selvedge.resources.messages import APPRISE
from selvedge.resources.need import Needs
from selvedge.shell.library import FOLDER
from tests.support.audit import audited
from tests.support.declared import SETTINGS, apps, every, parts
from tests.support.steps import HOSTS, bare, steps

# Paths that the packages of `install` create.
PACKAGED = (
    *("/usr/bin/git", "/etc/nginx/nginx.conf", "/etc/supervisor/supervisord.conf", "/etc/logrotate.conf", "/usr/bin/docker"),
    APPRISE,
)


class Declared:
    """The settings of a name in SETTINGS, and the resources of each step. They are made once, because that takes a while."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.app = name, apps(folder)
        self.settings = self.app(name)
        self.steps = {part: tuple(part.resources(self.settings)) for part in parts(self.settings)}

    @property
    def every(self) -> list[tuple[str, Resource]]:
        """All resources, each with the name of its step."""
        return [(str(part.name), each) for part, resources in self.steps.items() for each in resources]


@pytest.fixture(scope="module", params=SETTINGS)
def declared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Declared:
    return Declared(tmp_path_factory.mktemp("settings"), request.param)


class TestAllSteps:
    def test_equal_settings_declare_equal_resources(self, declared: Declared) -> None:
        first, again = declared.every, list(every(declared.app(declared.name)))
        assert [(step, each.identity()) for step, each in first] == [(step, each.identity()) for step, each in again]
        assert not [each for _, each in first if re.search(r"0x[0-9a-f]{6,}|\bobject at\b", repr(each))]

    def test_steps_agree_about_every_path(self, declared: Declared) -> None:
        wanted: dict[str, Resource] = {}
        for step_name, each in declared.every:
            if isinstance(each, File | Directory | Link | Absent):
                assert wanted.setdefault(each.path, each) == each, f"{step_name}: {each.path}"

    def test_a_loader_comes_after_its_loads(self, declared: Declared) -> None:
        for part, resources in declared.steps.items():
            before: list[Resource] = []
            for each in resources:
                if isinstance(each, Loader):
                    missing = [load for load in each.loaded() if not any(load is other for other in before)]
                    assert not missing, f"{part.name}: {each!r} loads {missing}, which the step does not yield before"
                before.append(each)

    def test_an_earlier_step_makes_every_needed_path(self, declared: Declared) -> None:
        order = [str(part.name) for part in declared.steps]
        made = dict.fromkeys(PACKAGED, "install")
        for step_name, each in declared.every:
            if isinstance(each, Needs):
                assert made.get(each.path) == each.task, f"{step_name} needs {each.path}"
                assert order.index(each.task) < order.index(step_name) or each.task == step_name == "balancer"
            elif isinstance(each, Venv):
                made[f"{each.release}/.venv/bin/python"] = step_name
            elif hasattr(each, "path"):
                # The first part of `balancer` has no task of its own.
                made.setdefault(each.path, step_name.removesuffix("-http"))

    def test_the_app_cannot_change_files_that_root_or_nginx_reads(self, declared: Declared) -> None:
        settings = declared.settings
        may_write = (settings.paths.shared, settings.paths.run)
        for step_name, each in declared.every:
            if isinstance(each, File | Directory):
                assert each.owner == "root" or each.path.startswith(may_write), f"{step_name}: {each.path}"
                group_writes = int(each.mode, 8) & 0o020
                assert not group_writes and not int(each.mode, 8) & 0o002, f"{step_name}: {each.path} {each.mode}"

    def test_other_users_cannot_read_secrets(self, declared: Declared) -> None:
        for step_name, each in declared.every:
            if isinstance(each, File) and (each.secret or "c4nary" in each.text or "t0ken" in each.text):
                assert each.secret and not int(each.mode, 8) & 0o007, f"{step_name}: {each.path}"
                assert each.group in ("root", declared.settings.name)
        assert not [each for _, each in declared.every if "c4nary" in repr(each) or "t0ken" in repr(each)]

    def test_paths_are_absolute_and_in_known_folders(self, declared: Declared) -> None:
        for step_name, each in declared.every:
            if isinstance(each, File | Directory | Link | Absent):
                path = PurePosixPath(each.path)
                assert path.is_absolute() and ".." not in path.parts and str(path) == each.path, (
                    f"{step_name}: {each.path}"
                )
                known = r"/(srv|run|var/log)/hello(\.balancer)?(/|$)|/var/www/letsencrypt$|/etc/|/usr/local/lib/selvedge(/|$)"
                metrics = r"/var/(lib/selvedge/metrics(/hello(\.balancer)?\.prom)?|log/selvedge-metrics)$"
                assert re.match(f"{known}|{metrics}", each.path), each.path

    def test_files_end_with_a_newline_and_no_trailing_blanks(self, declared: Declared) -> None:
        for step_name, each in declared.every:
            if isinstance(each, File) and not each.secret:
                assert each.text.endswith("\n") and not each.text.endswith("\n\n"), f"{step_name}: {each.path}"
                assert not re.search(r"[ \t]+$|\n{4,}", each.text, re.MULTILINE), f"{step_name}: {each.path}"

    def test_a_step_without_its_commit_declares_what_it_can(self, declared: Declared) -> None:
        settings = declared.app(declared.name, commit=None)
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
            assert known == list(declared.steps[part])[: len(known)], part.name


@pytest.mark.parametrize("name", HOSTS)
def test_every_resource_changes_a_bare_server(host: Callable[..., Target], name: str) -> None:
    app = host(name)
    unchanged = {
        type(resource).__name__
        for step in steps(app)
        for resource in step.resources(app)
        if resource.plan(bare(resource)) is None
    }
    # The ports are free, absent paths are absent, no undo is armed, and no mirror is set.
    assert unchanged <= {
        "Port", "Absent", "NoPendingUndo", "HttpsRemoved", "ServerNamesFree", "DebianDefaultSiteDisabled", "NginxConf",
        "NginxGroup", "NewNames", "FormerNamesDropped", "PathsFree", "FormerLocationsRemoved", "LeftCertificates",
        "AptMirror", "FormerDefaults", "FormerTimersRemoved", "PortProtocol", "PortAllowed", "CacheFolder", "NoTimers",
        "PostgresClients", "MaintenanceNoted", "MessagesRemoved", "NotHalfRestored", "NoBackend",
    }  # fmt: skip


@pytest.mark.parametrize("name", HOSTS)
def test_plans_read_no_file_and_run_no_program(host: Callable[..., Target], name: str) -> None:
    """Only the package's own shell functions are read. Python reports all other accesses as audit events."""
    app = host(name)
    resources = [resource for step in steps(app) for resource in step.resources(app)]
    with audited("open", "subprocess.Popen", "os.listdir", "socket.connect") as events:
        for resource in resources:
            resource.plan(bare(resource))
    assert [path for path in events if not path.startswith(str(FOLDER))] == []
