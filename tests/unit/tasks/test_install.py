"""The step `install`: packages, services, tools."""

from __future__ import annotations

from selvedge.resources.code.python import Python
from selvedge.resources.code.tools import Tool
from selvedge.resources.packages import Packages
from selvedge.resources.ports import Port
from selvedge.resources.services import Service
from tasks.install import install


def packages(resources):
    return next(resource for resource in resources if isinstance(resource, Packages)).names


def test_by_default_an_app_gets_the_systems_python_supervisor_and_uv(target):
    resources = list(install.resources(target()))
    assert isinstance(resources[0], Port), "the port is looked at before anything changes"
    assert {"nginx", "git", "supervisor", "python3-venv", "logrotate"} <= set(packages(resources))
    assert [resource.name for resource in resources if isinstance(resource, Service)] == ["nginx", "supervisor"]
    assert [resource.name for resource in resources if isinstance(resource, Tool)] == ["uv"]
    assert not [resource for resource in resources if isinstance(resource, Python)]


def test_systemd_and_pip_need_neither_supervisor_nor_uv(target):
    resources = list(install.resources(target(manager="systemd", installer="pip")))
    assert "supervisor" not in packages(resources)
    assert [resource.name for resource in resources if isinstance(resource, Service)] == ["nginx"]
    assert not [resource for resource in resources if isinstance(resource, Tool)]
