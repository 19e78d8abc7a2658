"""Package indexes and git servers over HTTPS, with the real uv, pip and git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.scripts.resources.environments import Builder, project
from tests.hosts.scripts.resources.index import LOGIN, Index

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CREDENTIALS = "/srv/hello/git_credentials"
VALUE = "python -c 'import common; print(common.value)'"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    found = Index(tmp_path / "index")
    yield found
    found.close()


def trust(server: Any, authority: Path) -> None:
    """Do what `update-ca-certificates` does with the certificate of an authority."""
    server.path(BUNDLE).parent.mkdir(parents=True, exist_ok=True)
    server.path(BUNDLE).write_bytes(authority.read_bytes())


def connected(server: Any, installer: str) -> Builder:
    builder = Builder(server, installer)
    builder.before = "export PIP_RETRIES=0 UV_HTTP_RETRIES=0\n"
    return builder


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.thorough)])
def test_an_index_with_a_certificate_of_a_companys_own_authority(
    server: Any, installer: str, index: Index, tmp_path: Path
) -> None:
    builder = connected(server, installer)
    index.add_wheel(server.path("/opt/wheels/extra_package-1-py3-none-any.whl"))
    app = tmp_path / "app"
    app.mkdir()
    (app / "requirements.txt").write_text(f"--index-url https://{index.host}/simple\nextra-package\n")
    trust(server, index.other_authority)
    unknown = builder.build(app)
    assert unknown.status == 1 and "certificate" in unknown.error, unknown.output
    assert "/usr/local/share/ca-certificates/" in unknown.output
    trust(server, index.authority)
    assert builder.must(app) == "built"
    assert builder.run("python -c 'import extra_package; print(1)'") == "1"


class TestGit:
    @pytest.fixture
    def app(self, index: Index, tmp_path: Path) -> Path:
        """An app that needs the package "common" of a private repository."""
        address = index.add_repository(project("local_folder", tmp_path / "other") / "common")
        app = tmp_path / "app"
        app.mkdir()
        (app / "requirements.txt").write_text(f"common @ git+{address}\n")
        return app

    @pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.thorough)])
    def test_the_login_of_the_apps_repository_counts_on_the_same_server(
        self, server: Any, installer: str, index: Index, app: Path
    ) -> None:
        builder = connected(server, installer)
        trust(server, index.authority)
        server.path(CREDENTIALS).write_text(f"https://{LOGIN}@{index.host}\n")
        assert (builder.must(app, git_credentials=CREDENTIALS), builder.run(VALUE)) == ("built", "1")
        assert not list(server.path("/var/cache/selvedge").rglob("*credentials*"))
        assert "hunter2" not in server.path("/var/log/selvedge/hello.log").read_text()

    def test_no_other_server_gets_it(self, server: Any, index: Index, app: Path) -> None:
        builder = connected(server, "uv")
        trust(server, index.authority)
        server.path(CREDENTIALS).write_text(f"https://{LOGIN}@git.example.com\n")
        done = builder.build(app, git_credentials=CREDENTIALS)
        assert done.status == 1 and "could not read Username" in done.error, done.output
        assert "remedy The dependency's git repository needs a login." in done.output
        assert index.logins == []
