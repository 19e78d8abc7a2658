"""Fixtures of the tests of operations: a server with two releases, and a project with a secret."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import Lab, Project
from sandbox import Server

SECRET = "hunter2-$(id)-canary"


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    """Return one project for a module, whose app has a secret in its environment."""
    (shared_project.folder / "production.env").write_text(f"API_TOKEN='{SECRET}'\n")
    (shared_project.folder / "production.env").chmod(0o600)
    shared_project.configure(env_file="production.env")
    return shared_project


@pytest.fixture(scope="module")
def server(lab: Lab, project: Project) -> Server:
    """Return a server with two good releases, the second one live."""
    found = lab.server("deployed", "trixie")
    project.must("-H", found.name, "deploy")
    project.commit("the second release")
    project.must("-H", found.name, "deploy")
    return found


@pytest.fixture(autouse=True)
def _no_secret(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check that the output of every `fab` in a test lacks the secret."""
    project: Project = request.getfixturevalue("project")
    written: list[str] = []
    plain = project.fab

    def fab(*words: str, **more: object) -> object:
        result = plain(*words, **more)  # type: ignore[arg-type]
        written.append(f"{result}")
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "fab", fab)
        yield
    assert not [text for text in written if "canary" in text]
