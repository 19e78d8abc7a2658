"""Checks of this machine: SSH keys, the repository, files that hosts.toml names."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from selvedge.config.dotenv import read_environment
from selvedge.config.env_command import first_word, program, shown
from selvedge.config.hosts import Host
from selvedge.config.settings import Settings
from selvedge.config.target import Target
from selvedge.config.variables import OVERRIDDEN
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.doctor.procfile import check_procfile, procfile_path
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.text import counted
from selvedge.resources.code import pushed
from selvedge.resources.code.git import git
from selvedge.resources.code.local_repository import local_commit
from selvedge.resources.code.tracked import tracked_warning
from selvedge.resources.nginx.own_certificate import OwnCertificate
from selvedge.ssh.agent import Agent
from selvedge.ssh.config import for_host
from selvedge.ssh.named_files import check_named_files
from selvedge.ssh.private_keys import PUBLIC, file_problem

GIT_SECONDS = 20
"""Seconds to wait for a git server."""


def check_workstation(settings: Settings, targets: Sequence[Target]) -> Iterator[CheckResult]:
    """Check this machine for all hosts of the run; a result that several hosts have in common is yielded once."""
    yield ok("hosts.toml", f"valid: app {settings.app.name}, servers: {len(settings.hosts)}")
    results = (result for app in targets for result in (*_key(app), *_repository(app), *_files(app)))
    yield from dict.fromkeys(results)


def _key(app: Target) -> Iterator[CheckResult]:
    setting = f"hosts.{app.host.name}.key"
    if app.host.key:
        yield _private_key(app.host)
        return
    settings = for_host(app.host, app.host.user, app.ssh_config)
    agent = Agent(settings.agent)
    held = len(agent.listed())
    agent.close()
    files = [path for path in settings.identity_files if path.is_file()]
    where = f"the SSH agent {settings.agent} has {held}" if settings.agent else "there is no SSH agent"
    problems = [f"{path} {said}" for path in files if (said := file_problem(path)) not in ("", PUBLIC)]
    if held or len(files) > len(problems):
        yield ok("SSH key", f"{where}, files: {', '.join(map(str, files)) or 'none'}")
        return
    remedy = f"Create one: `ssh-keygen -t ed25519`. Or set {setting} in hosts.toml to your private key."
    if problems:
        yield problem("SSH key", f"{where}, and {'; '.join(problems)}", f"Correct it, or set {setting} in hosts.toml.")
    elif agent.problem:
        empty = f"the SSH agent {settings.agent}: {agent.problem}, and no key file that ssh's configuration names exists"
        yield problem("SSH key", empty, f"Add your key: `ssh-add FILE`. {remedy}")
    else:
        yield problem("SSH key", f"{where}, and no key file that ssh's configuration names exists", remedy)


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
        commit = local_commit(app.repository_path, app.branch)
        pushed.check(app)
    except SelvedgeError as error:
        yield problem("repository", error.message, error.remedy)
        return
    subject = git(app.repository_path, "log", "-1", "--format=%s", commit).stdout.strip()
    yield ok("repository", f"{app.branch} of {app.repository_path} is at {commit[:12]} ({subject})")
    if count := pushed.uncommitted_files(app):
        yield warning("repository", f"changed files that are not committed: {count}", "Commit them: a deploy takes only commits.")
    procfile = git(app.repository_path, "show", f"{commit}:{procfile_path(app)}")
    yield from check_procfile(app, procfile.stdout if procfile.returncode == 0 else "")


def _remote_repository(app: Target) -> CheckResult:
    """Check whether this machine can read the repository that the servers fetch with their own keys."""
    shown = app.repository_shown
    options = ("-c", "protocol.ext.allow=never", "ls-remote", "--exit-code", "--heads", "--tags")
    remedy = f"Run `fab -H {app.host.name} deploy`: the server has its own key and may be able to read it."
    try:
        done = git(Path(), *options, "--", shown, app.branch, environment_variables=_environment(app), timeout=GIT_SECONDS)
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


def _env_command(app: Target) -> CheckResult:
    """Check that the program of app.env_command exists. It is not run: a password manager would ask for its password."""
    word, name = first_word(app.env_command), program(app.env_command)
    if re.fullmatch(r"[\w./+-]+", word):
        command = ["/bin/sh", "-c", 'command -v -- "$1"', "sh", word]
        if subprocess.run(command, cwd=app.base_dir, capture_output=True, check=False).returncode:
            remedy = "Install it on your machine, or correct app.env_command in hosts.toml."
            return problem("env_command", f"{name} is not installed, or not in PATH", remedy)
    return ok("env_command", f"`{shown(app.env_command)}` was not run; `fab env` runs it")


def _files(app: Target) -> Iterator[CheckResult]:
    try:
        if app.env_command:
            yield _env_command(app)
        if app.env_file:
            path = app.local_file(app.env_file)
            names = read_environment(path)
            if path.stat().st_mode & 0o007:
                yield warning("env_file", f"every user of your machine can read {path}", f"Run `chmod 600 {path}`.")
            if useless := sorted(OVERRIDDEN & set(names) - {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}):
                text = f"{', '.join(useless)} in {path} cannot be replaced: Selvedge sets the same names"
                yield warning("env_file", text, "Delete the lines, or give the variables other names.")
            if tracked := tracked_warning(path):
                yield warning("env_file", *tracked)
            yield ok("env_file", f"{path} has {counted(len(names), 'variable')}")
        if app.tls.certificate:
            OwnCertificate.of(app)
            yield ok("certificate", f"{app.tls.certificate} and its key match")
    except SelvedgeError as error:
        yield problem("files", error.message, error.remedy)
