"""What `fab doctor` looks at on this machine: keys, repository, files that hosts.toml names."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from selvedge.config.dotenv import read_environment
from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.operations.check_results import Finding, ok, problem, warning
from selvedge.resources.code import pushed
from selvedge.resources.nginx.own_certificate import OwnCertificate
from selvedge.ssh import public_keys

GIT_SECONDS = 20
"""Seconds that a git server is waited for."""


def inspect(settings: Settings, targets: Sequence[Target]) -> Iterator[Finding]:
    """This machine's side, once for all hosts of the run; what they have in common is looked at once."""
    yield ok("hosts.toml", f"valid; servers: {len(settings.hosts)}; the app is {settings.app.name}")
    seen: set[Finding] = set()
    for target in targets:
        for finding in (*_key(target), *_repository(target), *_files(target)):
            if finding not in seen:
                yield finding
            seen.add(finding)


def _key(app: Target) -> Iterator[Finding]:
    setting = f"hosts.{app.host.name}.key"
    if not app.host.key:
        found = [*public_keys.agent_keys(), *public_keys.home_keys()]
        remedy = f"Make one with `ssh-keygen -t ed25519`, or name one in {setting}."
        yield (
            ok("key", f"{len(found)} in the SSH agent and ~/.ssh") if found else problem("key", "there is none", remedy)
        )
        return
    path = Path(app.host.key).expanduser()
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_bytes()[:100]
    except OSError as error:
        yield problem("key", f"{path} cannot be read: {error.strerror}", f"Correct {setting} in hosts.toml.")
        return
    if b"PRIVATE KEY" not in text:
        yield problem("key", f"{path} is no private key", f"Name the private half in {setting}, without .pub.")
    elif mode & 0o077:
        yield problem("key", f"{path} may be read by others (mode {mode:04o}), and ssh refuses it", f"chmod 600 {path}")
    else:
        yield ok("key", f"{path} is there, for its owner alone")


def _repository(app: Target) -> Iterator[Finding]:
    try:
        if app.local_path is None:
            yield _fetched(app)
            return
        commit = pushed.local_commit(app.local_path, app.branch)
    except SelvedgeError as error:
        yield problem("repository", error.message, error.remedy)
        return
    subject = pushed.git(app.local_path, "log", "-1", "--format=%s", commit).stdout.strip()
    yield ok("repository", f"{app.branch} of {app.local_path} is at {commit[:12]} ({subject})")
    changed = pushed.git(app.local_path, "status", "--porcelain", "--untracked-files=no", "--", app.root or ".").stdout
    if changed:
        count = len(changed.splitlines())
        yield warning("repository", f"changed files that are not committed, so in no release: {count}", "Commit them first.")


def _fetched(app: Target) -> Finding:
    """Whether this machine can read a repository that the servers fetch; they have keys of their own."""
    shown = app.repository_shown
    options = ["-c", "protocol.ext.allow=never", "ls-remote", "--exit-code", "--heads", "--tags"]
    remedy = "The servers may still be able to, with their own key: `fab deploy` says so, and shows the key."
    try:
        done = subprocess.run(
            ["git", *options, "--", shown, app.branch], capture_output=True, text=True, env=_environment(app),
            timeout=GIT_SECONDS, check=False)  # fmt: skip
    except FileNotFoundError:
        return warning("repository", "git is not installed on this machine", "It is needed only to check this.")
    except subprocess.TimeoutExpired:
        return warning("repository", f"{shown} did not answer within {GIT_SECONDS} s", remedy)
    if done.returncode == 2:
        return problem(
            "repository", f"{shown} has no branch or tag {app.branch}", "Check app.branch; has it been pushed?"
        )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it gives no reason"]
        said = re.sub(r"(?<=://)[^/@\s]*@", "", lines[-1])
        return warning("repository", f"this machine cannot read {shown}: {said}", remedy)
    return ok("repository", f"{app.branch} of {shown} is at {done.stdout[:12]}")


def _environment(app: Target) -> dict[str, str]:
    """What git runs with: it asks nothing. A user and token go this way, since arguments can be seen by everybody, and an
    address with a token in it becomes one of git's own helper."""
    ask = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10", "LC_ALL": "C"}
    if not app.credentials:
        return {**os.environ, **ask}
    secret = {
        "GIT_CONFIG_COUNT": "2",
        # Nothing is stored, and nobody else is asked.
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": "",
        "GIT_CONFIG_KEY_1": "credential.helper",
        "GIT_CONFIG_VALUE_1": '!f() { [ "$1" != get ] || printf "url=%s\\n" "$GIT_LOGIN"; }; f',
        "GIT_LOGIN": app.credentials.get_secret_value(),
    }
    return {**os.environ, **ask, **secret}


def _files(app: Target) -> Iterator[Finding]:
    try:
        if app.env_file:
            path = app.local_file(app.env_file)
            count = len(read_environment(path))
            if path.stat().st_mode & 0o007:
                yield warning("env_file", f"{path} may be read by every user of this machine", f"chmod 600 {path}")
            yield ok("env_file", f"{path} has {count} variables")
        if app.tls.certificate:
            OwnCertificate.of(app)
            yield ok("certificate", f"{app.tls.certificate} and its key belong together")
    except SelvedgeError as error:
        yield problem("files", error.message, error.remedy)
