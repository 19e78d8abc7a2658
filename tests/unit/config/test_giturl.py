"""Addresses of repositories, and the tokens that they may hold."""

from __future__ import annotations

import re

import pytest

from selvedge.config.giturl import (
    check_repository,
    credentials,
    has_secret,
    is_local,
    ssh_server,
    with_server,
    without_credentials,
)
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
        ("https://me:$e'c(r):&e;t!*@git.example.com/x", "https://git.example.com/x"),
        ("./a:b@c", "./a:b@c"),
        # A user name alone is no secret: Bitbucket and Azure DevOps offer such addresses.
        ("https://me@bitbucket.org/team/app.git", "https://me@bitbucket.org/team/app.git"),
        ("https://org@dev.azure.com/org/my%20project/_git/app", "https://org@dev.azure.com/org/my%20project/_git/app"),
        ("https://me-at-123456789012@git.example.com/x", "https://me-at-123456789012@git.example.com/x"),
        ("https://first.last%40example.com@git.example.com/x", "https://first.last%40example.com@git.example.com/x"),
        ("https://x-access-token:abc@github.com/me/app", "https://github.com/me/app"),
        ("https://me:@git.example.com/x", "https://git.example.com/x"),
        ("https://glpat-abcdefghij1234567890@git.example.com/x", "https://git.example.com/x"),
        ("https://github_pat_11ABC@github.com/me/app", "https://github.com/me/app"),
        (f"https://{'0123456789abcdef' * 3}@git.example.com/x", "https://git.example.com/x"),
        ("https://xY3zAbCdEfGhIjKlMnOp@git.example.com/x", "https://git.example.com/x"),
        ("ssh://APKAEIBAERJR2EXAMPLE@git.example.com/v1/repos/app", "ssh://APKAEIBAERJR2EXAMPLE@git.example.com/v1/repos/app"),
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


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("https://me@bitbucket.org/team/app.git", ""),
        ("https://me:secret@git.example.com:8443/x", "https://me:secret@git.example.com:8443"),
        ("https://ghp_token@github.com/x", "https://ghp_token:@github.com"),
        ("https://me:$e'c(r):&e;t!*@git.example.com/x", "https://me:$e'c(r):&e;t!*@git.example.com"),
        ("ssh://git@git.example.com/x", ""),
    ],
)
def test_only_a_secret_is_sent_to_the_server_as_a_credential(source: str, line: str) -> None:
    assert credentials(source) == line


@pytest.mark.parametrize(
    ("source", "server"),
    [
        ("git@ssh.dev.azure.com:v3/org/my%20project/app", ("ssh.dev.azure.com", 22)),
        ("git@git.example.com:~me/app.git", ("git.example.com", 22)),
        ("git@git.example.com:团队/app.git", ("git.example.com", 22)),
        ("[git@git.example.com:2222]:me/app.git", ("git.example.com", 2222)),
        ("git@[2001:db8::1]:me/app.git", ("2001:db8::1", 22)),
        ("ssh://git@[2001:db8::1]:2222/~me/app.git", ("2001:db8::1", 2222)),
        ("ssh://git@git.example.com:29418/app", ("git.example.com", 29418)),
        ("https://me@git.example.com/x", None),
        ("../app", None),
    ],
)
def test_the_server_of_an_address(source: str, server: tuple[str, int] | None) -> None:
    assert ssh_server(check_repository(source)) == server


@pytest.mark.parametrize(
    ("source", "port", "found"),
    [
        ("git@work:me/app.git", 22, "git@git.example.com:me/app.git"),
        ("work:/srv/app.git", 443, "ssh://u@git.example.com:443/srv/app.git"),
        ("[git@work:29]:me/app.git", 29, "ssh://git@git.example.com:29/me/app.git"),
        ("ssh://git@work/me/app.git", 22, "ssh://git@git.example.com:22/me/app.git"),
        ("ssh://work:7/~me/app.git", 7, "ssh://u@git.example.com:7/~me/app.git"),
    ],
)
def test_an_address_with_another_server(source: str, port: int, found: str) -> None:
    assert with_server(source, "u", "git.example.com", port) == found == check_repository(found)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("https://me:hun#ter2@git.example.com/x", "must have the special characters of its password as percent codes"),
        ("https://me:hun@ter2@git.example.com/x", "must have the special characters of its password as percent codes"),
        ("https://github.com/me/app/tree/main", "must be the address of the repository, not of one of its pages: https://g"),
        ("https://git.example.com/a/b/app/-/tree/dev/x", "not of one of its pages: https://git.example.com/a/b/app.git"),
        ("github.com/me/app", "must be a full address: https://github.com/me/app"),
        ("git@ssh.dev.azure.com:v3/o/my project/app", "must have %20 for each space: git@ssh.dev.azure.com:v3/o/my%20project/app"),
        ("git+https://github.com/me/app", "must be an address for git, without pip's git+: https://github.com/me/app"),
        ("ssh://git@github.com:me/app.git", "mixes two forms: write ssh://git@github.com/me/app.git or git@github.com:me/app.git"),
        ("git@[2001:db8::1]:22:me/app", "must name a port in the form ssh://git@[2001:db8::1]:22/me/app"),
        ("git@git.example.com:2222:me/app", "must name a port in the form ssh://git@git.example.com:2222/me/app"),
        ("ssh://git@git.example.com:70000/app", "must be a git address"),
        ("[git@git.example.com:0]:app", "must be a git address"),
    ],
)
def test_a_wrong_address_and_what_is_right(source: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        check_repository(source)
