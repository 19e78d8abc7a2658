"""Repositories of git, and the resources that bring their commits to a server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from selvedge.resources.base import Resource
from selvedge.resources.code.checkout import Checkout
from selvedge.resources.code.fetched import FetchedCommit
from selvedge.resources.code.mirror import Mirror
from selvedge.resources.files import Directory


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "x@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    command = ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str = "work") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def fetched(sha: str, url: str = "file:///opt/hello") -> FetchedCommit:
    return FetchedCommit("/srv/hello/repo.git", sha, url, "/srv/hello/deploy_key", "/srv/hello/hosts", "/srv/hello/credentials")


def checkout(sha: str, base: str = "") -> Checkout:
    keys = ("/srv/hello/deploy_key", "/srv/hello/hosts", "/srv/hello/credentials")
    return Checkout(f"/srv/hello/releases/{sha[:12]}", "/srv/hello/repo.git", sha, "daemon", base, *keys)


def places() -> list[Resource]:
    return [Directory("/srv/hello", "0711"), Directory("/srv/hello/releases", "0711"), Mirror("/srv/hello/repo.git")]
