"""Checks of this machine: SSH keys, the repository, files that hosts.toml names."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from selvedge.config.dotenv import read_environment
from selvedge.config.hosts import Host
from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.text import counted
from selvedge.resources.code import pushed
from selvedge.resources.nginx.own_certificate import OwnCertificate
from selvedge.ssh import public_keys
from selvedge.ssh.named_files import check_named_files

GIT_SECONDS = 20
"""Seconds to wait for a git server."""


def check_workstation(settings: Settings, targets: Sequence[Target]) -> Iterator[CheckResult]:
    """Check this machine for all hosts of the run; a result that several hosts have in common is yielded once."""
    yield ok("hosts.toml", f"valid: app {settings.app.name}, servers: {len(settings.hosts)}")
    results = (result for app in targets for result in (*_key(app), *_repository(app), *_files(app)))
    yield from dict.fromkeys(results)


def _key(app: Target) -> Iterator[CheckResult]:
    setting = f"hosts.{app.host.name}.key"
    if not app.host.key:
        keys = [*public_keys.agent_keys(), *public_keys.home_keys()]
        remedy = f"Create one: `ssh-keygen -t ed25519`. Or set {setting} in hosts.toml to your private key."
        found = ok("SSH key", f"the SSH agent and ~/.ssh have {counted(len(keys), 'key')}")
        yield found if keys else problem("SSH key", "the SSH agent and ~/.ssh have no key", remedy)
        return
    yield _private_key(app.host)


def _private_key(host: Host) -> CheckResult:
    path = Path(host.key)
    try:
        check_named_files(host)
    except UsageError as error:
        return problem("SSH key", error.message, error.remedy)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return problem("SSH key", f"other users can read {path} (mode {mode:04o}), so ssh rejects it", f"Run `chmod 600 {path}`.")
    return ok("SSH key", f"only you can read {path}")


def _repository(app: Target) -> Iterator[CheckResult]:
    if app.repository_path is None:
        yield _remote_repository(app)
        return
    try:
        commit = pushed.local_commit(app.repository_path, app.branch)
    except SelvedgeError as error:
        yield problem("repository", error.message, error.remedy)
        return
    subject = pushed.git(app.repository_path, "log", "-1", "--format=%s", commit).stdout.strip()
    yield ok("repository", f"{app.branch} of {app.repository_path} is at {commit[:12]} ({subject})")
    if count := pushed.uncommitted_files(app):
        yield warning("repository", f"changed files that are not committed: {count}", "Commit them: a deploy takes only commits.")


def _remote_repository(app: Target) -> CheckResult:
    """Check whether this machine can read the repository that the servers fetch with their own keys."""
    shown = app.repository_shown
    options = ("-c", "protocol.ext.allow=never", "ls-remote", "--exit-code", "--heads", "--tags")
    remedy = f"Run `fab -H {app.host.name} deploy`: the server has its own key and may be able to read it."
    try:
        done = pushed.git(Path(), *options, "--", shown, app.branch, environment=_environment(app), timeout=GIT_SECONDS)
    except SelvedgeError:
        return warning("repository", "not checked, because git is not installed on your machine", "Install git to check it.")
    except subprocess.TimeoutExpired:
        return warning("repository", f"{shown} did not answer within {GIT_SECONDS} s", remedy)
    if done.returncode == 2:
        remedy = f"Correct app.branch in hosts.toml, or push the branch: `git push origin {app.branch}`."
        return problem("repository", f"{shown} has no branch or tag {app.branch}", remedy)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["git gave no reason"]
        said = re.sub(r"(?<=://)[^/@\s]*@", "", lines[-1])
        return warning("repository", f"your machine cannot read {shown}: {said}", remedy)
    return ok("repository", f"{app.branch} of {shown} is at {done.stdout[:12]}")


def _environment(app: Target) -> dict[str, str]:
    """Return git's environment: it asks no questions, and it gets a user and token from here.

    Other users could read them among the arguments, so a credential helper of one line passes them on.
    """
    ask = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10", "LC_ALL": "C"}
    if not app.credentials:
        return ask
    return ask | {
        "GIT_CONFIG_COUNT": "2",
        # An empty helper removes the user's own helpers: nothing is stored, and no other helper is asked.
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": "credential.helper",
        "GIT_CONFIG_VALUE_1": '!f() { [ "$1" != get ] || printf "url=%s\\n" "$GIT_LOGIN"; }; f',
        "GIT_LOGIN": app.credentials.get_secret_value(),
    }


def _files(app: Target) -> Iterator[CheckResult]:
    try:
        if app.env_file:
            path = app.local_file(app.env_file)
            count = len(read_environment(path))
            if path.stat().st_mode & 0o007:
                yield warning("env_file", f"every user of your machine can read {path}", f"Run `chmod 600 {path}`.")
            yield ok("env_file", f"{path} has {counted(count, 'variable')}")
        if app.tls.certificate:
            OwnCertificate.of(app)
            yield ok("certificate", f"{app.tls.certificate} and its key match")
    except SelvedgeError as error:
        yield problem("files", error.message, error.remedy)
