"""The step `clone`: where the code comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from selvedge.config.target import Target
from selvedge.resources.code.access import DeployKey, GitHostKey
from selvedge.resources.code.checkout import Checkout
from selvedge.resources.code.fetched import FetchedCommit
from selvedge.resources.code.mirror import Mirror
from selvedge.resources.code.pushed import PushedCommit
from selvedge.resources.files import Absent
from selvedge.resources.users import User
from tests.support.declared import file, of
from tests.support.fixtures import COMMIT


def test_a_repository_with_a_token(app: Callable[..., Target]) -> None:
    settings = app("everything")
    credentials = file("clone", settings, "/srv/hello/git_credentials")
    assert (credentials.text, credentials.mode, credentials.secret) == ("https://me:t0ken@git.example.com\n", "0600", True)
    (fetched,) = of("clone", settings, FetchedCommit)
    assert fetched.url == "https://git.example.com/me/hello.git" and fetched.git_credentials == credentials.path
    assert not of("clone", settings, DeployKey) and not of("clone", settings, PushedCommit)
    assert Absent(credentials.path) in of("clone", app("nothing set"), Absent), "a token that is used no more goes"


def test_a_repository_over_ssh(app: Callable[..., Target]) -> None:
    settings = app("over ssh, by pip")
    assert of("clone", settings, DeployKey) == [DeployKey("/srv/hello/deploy_key", "hello@server")]
    assert of("clone", settings, GitHostKey) == [GitHostKey("/srv/hello/git_known_hosts", "git.example.com", 2222)]
    (fetched,) = of("clone", settings, FetchedCommit)
    (checkout,) = of("clone", settings, Checkout)
    assert fetched.deploy_key == checkout.deploy_key == "/srv/hello/deploy_key"
    assert checkout.url == settings.repository


def test_a_repository_of_this_machine(app: Callable[..., Target], tmp_path: Any) -> None:
    settings = app("nothing set", repository="./my app")
    assert of("clone", settings, PushedCommit) == [PushedCommit("/srv/hello/repo.git", COMMIT, tmp_path / "my app")]
    assert not of("clone", settings, FetchedCommit) and not of("clone", settings, DeployKey)


def test_the_apps_user_cannot_log_in(app: Callable[..., Target]) -> None:
    (user,) = of("clone", app("nothing set"), User)
    assert (user.name, user.system, user.shell, user.groups) == ("hello", True, "/usr/sbin/nologin", ())
    (mirror,) = of("clone", app("nothing set"), Mirror)
    assert mirror.path == "/srv/hello/repo.git"
