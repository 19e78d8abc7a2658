"""Addresses of repositories, and the tokens that they may hold."""

from __future__ import annotations

import pytest

from selvedge.config.giturl import has_secret, is_local, without_credentials
from tests.unit.config.conftest import Load, Problems
from tests.unit.config.examples import APP


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("https://me:secret@git.example.com/x", "https://git.example.com/x"),
        ("https://ghp_token@git.example.com:8443/x", "https://git.example.com:8443/x"),
        ("ssh://git:secret@git.example.com/x", "ssh://git@git.example.com/x"),
        ("ssh://git@git.example.com/x", "ssh://git@git.example.com/x"),
        ("git@git.example.com:x", "git@git.example.com:x"),
        ("https://git.example.com/x", "https://git.example.com/x"),
        ("https://me:sec ret@git.example.com/x", "https://git.example.com/x"),
        ("https://me:sec/ret@git.example.com/x", "https://git.example.com/x"),
        ("./a:b@c", "./a:b@c"),
    ],
)
def test_a_repository_is_shown_without_its_secret(source: str, shown: str) -> None:
    assert without_credentials(source) == shown
    assert has_secret(source) == (source != shown)


def test_local_repositories() -> None:
    assert all(is_local(path) for path in (".", "..", "./x", "../x", "/x", "~/x", "~"))
    assert not any(is_local(path) for path in ("x", "x/y", "https://x/y", "git@h:x", "~x"))


def test_no_repr_contains_the_token_of_a_repository(settings: Load) -> None:
    secret = "https://me:hunter2@git.example.com/x"
    found = settings(APP.replace("https://git.example.com/me/hello.git", "."), {"SELVEDGE_APP__REPOSITORY": secret})
    assert found.app.repository == secret
    assert found.app.repository_shown == "https://git.example.com/x"
    assert "hunter2" not in repr(found)


def test_a_token_in_the_file_is_refused_and_not_printed(problems: Problems) -> None:
    secret = 'repository = "https://me:hunter2@git.example.com/x"'
    text = APP.replace('repository = "https://git.example.com/me/hello.git"', secret)
    (line,) = problems(text)
    assert line.startswith(
        "hosts.toml: app.repository: contains a password or token, which must not be in this file."
    )
    (own,) = problems(f"{APP}[hosts.s.app]\n{secret}\n")
    assert own.startswith("hosts.toml: hosts.s.app.repository: contains a password or token")
    assert "hunter2" not in line + own
    assert problems(APP, {"SELVEDGE_APP__REPOSITORY": "https://me:hunter2@git.example.com/x"}) == []


@pytest.mark.parametrize(
    "source", ["https://me:hunter2@git.example.com/a b", "https://me:hunter2 @h/x", "ftp://hunter2@h/x"]
)
def test_a_wrong_address_is_printed_without_its_token(problems: Problems, source: str) -> None:
    (line,) = problems(APP, {"SELVEDGE_APP__REPOSITORY": source})
    assert "must be a git address" in line
    assert "hunter2" not in line
