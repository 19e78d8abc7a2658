"""Each way to list packages: the app is released, and again with a change in each file that its environment depends on."""

from __future__ import annotations

import json

import pytest

from drills import QUICK, live
from forms import FORMS, VALUE, Form
from lab import Lab, Project, Result
from own_projects import edit
from sandbox import Server
from traffic import get

# These show the rest in `make test`; other files test locks of Poetry and PDM there.
QUICKLY = {"requirements", "uv with sources", "src layout"}
SETTINGS = QUICK | {"health": "/", "migrate": None, "settle": 0.5, "keep_releases": 2}
# What pip is given of the others is the same: the requirements of a lock, or a project with a build backend.
BY_PIP = ["requirements", "requirements with hashes", "Poetry with a package", "Pipenv", "setup.py and a factory", "build backends"]
ALL = [pytest.param(form, id=name, marks=() if name in QUICKLY else pytest.mark.thorough) for name, form in FORMS.items()]


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return lab.server("setup")


@pytest.fixture(scope="module")
def newer(lab: Lab) -> Server:
    return lab.server("setup", "trixie")


def deploy(server: Server, project: Project) -> Result:
    """Release a new commit."""
    commit = project.commit()
    result = project.must("-H", server.name, "deploy")
    assert live(server).startswith(commit[:12])
    return result


def answer(server: Server) -> dict[str, str]:
    """Return what the app answers: package → version."""
    found = json.loads(get(f"{server.url}/").text)
    return {name.lower().replace("-", "_"): version for name, version in found.items()}


def release_twice(server: Server, project: Project, form: Form, **settings: object) -> None:
    """Release a project, change it, release it again, and go back."""
    project.configure(**SETTINGS | dict(form.settings) | settings)
    form.begin(server, project)
    result = deploy(server, project)
    assert answer(server).items() >= form.first.items(), result
    form.change(server, project)
    result = deploy(server, project)
    assert answer(server).items() >= form.then.items(), result
    project.must("-H", server.name, "rollback")
    assert answer(server).items() >= form.first.items(), "rollback"


class TestDebian12:
    """With uv."""

    @pytest.mark.parametrize("form", ALL)
    def test_a_form(self, server: Server, project: Project, form: Form) -> None:
        release_twice(server, project, form)

    def test_a_comment_installs_nothing_again(self, server: Server, project: Project) -> None:
        """An app that is a package is built alone: the other packages are the files of the earlier environment."""
        form = FORMS["src layout"]
        project.configure(**SETTINGS | dict(form.settings))
        form.begin(server, project)
        deploy(server, project)
        others = "/srv/hello/current/.venv/lib/python3*/site-packages/{fastapi,starlette}/__init__.py"
        before = server.run(f"bash -c 'stat -c %i {others}'").stdout
        edits = {"src/blog/main.py": ("app = ", "# A comment.\napp = "), "src/blog/__init__.py": VALUE[0]}
        for path, (old, new) in edits.items():
            edit(project.app / path, old, new)
            result = deploy(server, project)
            assert "installing only the app's own packages again" in result.stdout, result
            assert server.run(f"bash -c 'stat -c %i {others}'").stdout == before, path
        # The command is that of the installed package.
        assert server.run("/srv/hello/current/.venv/bin/blog-value").stdout == "2\n"

    def test_conda_is_refused_before_the_server_is_contacted(self, server: Server, project: Project) -> None:
        project.become("conda")
        project.commit()
        project.configure(**SETTINGS)
        refused = project.fab("-H", server.name, "deploy")
        assert refused.status == 2, refused
        assert "does not install conda's packages. Commit a requirements.txt" in refused.stderr


@pytest.mark.thorough
class TestDebian13:
    """With pip."""

    @pytest.mark.parametrize("form", [pytest.param(FORMS[name], id=name) for name in BY_PIP])
    def test_a_form(self, newer: Server, project: Project, form: Form) -> None:
        release_twice(newer, project, form, installer="pip")
