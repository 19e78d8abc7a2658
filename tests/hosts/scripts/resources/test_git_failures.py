"""What git, ssh and git servers say when something fails, and what the user is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.engine.script import call_script
from selvedge.resources.code.fetched import ANSWERS, resolve_call
from tests.hosts.scripts.resources.repository import commit, fetched, git, places

SSH_REFUSED = "git@git.test: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n\nPlease make sure …"
CHANGED = (
    "@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@\nThe fingerprint is\n"
    "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU.\nHost key verification failed.\n"
    "fatal: Could not read from remote repository."
)
FAILURES = {
    "deploy key": (SSH_REFUSED, "git@git.test: Permission denied (publickey)", "add the server's deploy key"),
    "GitHub, unknown": (
        "ERROR: Repository not found.\nfatal: Could not read from remote repository.", "Repository not found", "deploy key"
    ),
    "GitLab, unknown": (
        "remote: \nremote: ========\nremote: \nremote: ERROR: The project you were looking for could not be found or you don't "
        "have permission to view it.\nremote: \nfatal: Could not read from remote repository.",
        "The project you were looking for could not be found or you don't have permission to view it", "deploy key",
    ),
    "no password": (
        "fatal: could not read Username for 'https://git.test': terminal prompts disabled",
        "could not read Username for 'https://git.test': terminal prompts disabled", "deploy key",
    ),
    "wrong token": (
        "remote: Invalid username or token.\nfatal: Authentication failed for 'https://me:hunter2@git.test/app.git/'",
        "Invalid username or token", "deploy key",
    ),
    "name": (
        "ssh: Could not resolve hostname git.test: Name or service not known\nfatal: Could not read from remote repository.",
        "ssh: Could not resolve hostname git.test: Name or service not known", "the server can reach that address",
    ),
    "name over https": (
        "fatal: unable to access 'https://me:hunter2@git.test/app.git/': Could not resolve host: git.test",
        "unable to access 'https://git.test/app.git/': Could not resolve host: git.test", "the server can reach that address",
    ),
    "route": (
        "ssh: connect to host git.test port 22: No route to host\nfatal: Could not read from remote repository.",
        "ssh: connect to host git.test port 22: No route to host", "pushed from there",
    ),
    "port": (
        "fatal: unable to connect to git.test:\ngit.test[0: 192.0.2.1]: errno=Connection refused\n",
        "git.test[0: 192.0.2.1]: errno=Connection refused", "the server can reach that address",
    ),
    "certificate": (
        "fatal: unable to access 'https://git.test/': server certificate verification failed. CAfile: none CRLfile: none",
        "unable to access 'https://git.test/': server certificate verification failed. CAfile: none CRLfile: none",
        "update-ca-certificates",
    ),
    "host key": (
        "No ED25519 host key is known for git.test and you have requested strict checking.\nHost key verification failed.\n"
        "fatal: Could not read from remote repository.",
        "Host key verification failed", "how to check and accept the host key",
    ),
    "disk": (
        "fatal: write error: No space left on device\nfatal: index-pack failed",
        "write error: No space left on device", "Free some space",
    ),
    "closed": (
        "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 192.0.2.1 port 22\r\n"
        "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\n"
        "and the repository exists.",
        "Connection closed by 192.0.2.1 port 22", "the server can reach that address",
    ),
    "old git server": (
        "Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: ssh-rsa,ssh-dss\r\n"
        "fatal: Could not read from remote repository.",
        "Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: ssh-rsa,ssh-dss",
        "no algorithm in common",
    ),
    "the server's ssh_config": (
        "/root/.ssh/config: line 1: Bad configuration option: colour\r\n"
        "/root/.ssh/config: terminating, 1 bad configuration options\n"
        "fatal: Could not read from remote repository.",
        "/root/.ssh/config: line 1: Bad configuration option: colour", "Correct that file",
    ),
    "warnings of a newer ssh": (
        "** WARNING: connection is not using a post-quantum key exchange algorithm.\n** This session may be vulnerable.\n"
        "This account is currently not available.\nfatal: Could not read from remote repository.",
        "This account is currently not available", "deploy key",
    ),
    "only git's conclusion": (
        "fatal: Could not read from remote repository.", "Could not read from remote repository", "deploy key"
    ),
    "busy": (
        "fatal: unable to access 'https://git.test/app.git/': The requested URL returned error: 503",
        "unable to access 'https://git.test/app.git/': The requested URL returned error: 503", "wait some minutes",
    ),
    "slow": (
        "error: RPC failed; curl 28 Operation too slow. Less than 1 bytes/sec transferred the last 30 seconds\nfatal: early EOF",
        "RPC failed; curl 28 Operation too slow. Less than 1 bytes/sec transferred the last 30 seconds", "pushed from there",
    ),
    "memory": (
        "fatal: Out of memory, malloc failed (tried to allocate 1 bytes)\nfatal: fetch-pack: invalid index-pack output",
        "Out of memory, malloc failed (tried to allocate 1 bytes)", "swap space",
    ),
    "nothing said": ("", "git gave no reason", "Check app.repository"),
}  # fmt: skip


@pytest.fixture
def broken(server: Any) -> Any:
    """Make git fail with these words on a server with a deploy key."""
    server.make(*places())
    server.path("/srv/hello/deploy_key").touch()
    server.path("/srv/hello/deploy_key.pub").write_text("ssh-ed25519 AAAA hello@server\n")

    def fail(words: str, status: int = 128) -> None:
        server.path("/root/words").write_text(words)
        fails = f"case \"$*\" in *ls-remote*|*fetch*) cat /root/words >&2; exit {status} ;; esac"
        server.program("git", f'{fails}\nexec /usr/bin/git "$@"')

    return fail


def answer(server: Any, app: Target) -> list[str]:
    """Return the answer of git_resolve: how it begins, and its texts."""
    output = server.run(call_script(resolve_call(app))).stdout.decode()
    (line,) = [line for line in output.splitlines() if line.startswith(ANSWERS)]
    kind, _, rest = line.partition(" ")
    return [kind, *rest.split("\t")]


@pytest.mark.parametrize("name", FAILURES)
def test_the_words_and_the_remedy(server: Any, broken: Any, target: Any, name: str) -> None:
    words, said, remedy = FAILURES[name]
    broken(words)
    kind, *texts = answer(server, target(repository="git@git.test:app.git"))
    assert kind == "refused" and texts[0] == said and remedy in texts[1], texts
    assert (texts[2] == "ssh-ed25519 AAAA hello@server") is ("deploy key" in texts[1]), texts
    assert "hunter2" not in str(texts)
    done = server.apply(server.plan(fetched("a" * 40, "git@git.test:app.git")))
    assert done.error == f"git could not fetch the commit aaaaaaaaaaaa from git@git.test:app.git: {said}. {texts[1]}"
    assert "hunter2" not in done.output, "the output is logged"


def test_a_changed_host_key(server: Any, broken: Any, target: Any) -> None:
    broken(CHANGED)
    app = target(repository="git@git.test:app.git")
    assert answer(server, app) == ["changed", "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"]


def test_no_answer(server: Any, broken: Any, target: Any) -> None:
    broken("", 124)
    kind, said, remedy, key = answer(server, target(repository="git@git.test:app.git"))
    assert (kind, said, key) == ("silent", "no answer within 30 seconds", "") and "pushed from there" in remedy


@pytest.mark.parametrize(("key", "token", "remedy"), [
    (False, False, "use its SSH address (git@host:path)"),
    (False, True, "the token in .env: it must be valid"),
    (True, True, "the token in .env: it must be valid"),
])
def test_the_remedy_fits_the_credentials_that_the_server_has(
    server: Any, broken: Any, target: Any, key: bool, token: bool, remedy: str
) -> None:
    broken("fatal: Authentication failed for 'https://git.test/app.git/'")
    if not key:
        server.path("/srv/hello/deploy_key.pub").unlink()
    if token:
        server.path("/srv/hello/git_credentials").write_text("https://me:hunter2@git.test\n")
    kind, said, what, shown = answer(server, target(repository="https://git.test/app.git"))
    assert (kind, said, shown) == ("refused", "Authentication failed for 'https://git.test/app.git/'", "") and remedy in what


@pytest.mark.parametrize("kind", ["branch", "tag"])
def test_a_name_of_hex_digits_is_a_branch_or_tag(server: Any, repository: Path, target: Any, kind: str) -> None:
    """In the mirror it may be an old commit's branch, or the beginning of another commit's SHA."""
    old = git(repository, "rev-parse", "HEAD")
    name = "2025" if kind == "branch" else old[:5]
    git(repository, kind, name)
    app = target(repository="file:///opt/hello", branch=name)
    server.make(*places(), fetched(old))
    (repository / "main.py").write_text("app = 2\n")
    new = commit(repository)
    git(repository, kind, "-f", name, new)
    assert answer(server, app) == ["commit", new]


def test_a_short_sha_that_the_mirror_has_needs_no_git_server(server: Any, repository: Path, target: Any) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    server.make(*places(), fetched(sha))
    app = target(repository="file:///opt/hello", branch=sha[:7])
    assert answer(server, app) == ["commit", sha]
    repository.rename(repository.with_name("away"))
    assert answer(server, app) == ["commit", sha]
    assert answer(server, target(repository="file:///opt/hello", branch="main"))[0] == "refused"


def test_a_commit_that_was_force_pushed_away(server: Any, repository: Path) -> None:
    server.make(*places())
    done = server.apply(server.plan(fetched("f" * 40)))
    assert done.error.startswith(f"The repository file:///opt/hello no longer has the commit {'f' * 40}: "), done
    assert "not our ref" in done.error and "force-pushed" in done.error and repository
