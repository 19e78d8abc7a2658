"""Which commit: one a run, resolved once, so that all hosts get the same."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from selvedge.config.load import file_name
from selvedge.config.target import Target
from selvedge.config.types import GitRef
from selvedge.errors import ConfigError, SelvedgeError, UsageError
from selvedge.shell.library import call
from selvedge.shell.quoting import quote
from selvedge.ssh import host_keys

if TYPE_CHECKING:
    from selvedge.engine.session import Session

SHA = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = "Name a folder with a git checkout, or the address of a repository."
SHORT_SHA = re.compile(r"[0-9a-f]{4,40}")
KINDS = ("commit ", "refused ", "silent ", "changed ", "missing", "nogit")
"""How an answer of git_resolve (git.sh) begins."""


def named(options: Mapping[str, Any]) -> str:
    """What --branch or --commit of the command line name, "" without them.

    Raises UsageError where they are no names that git knows.
    """
    branch, commit = str(options.get("branch") or ""), str(options.get("commit") or "")
    if branch and commit:
        raise UsageError("--branch and --commit cannot be given together.", "Give the one that is meant.")
    if not branch and not commit:
        return ""
    try:
        return str(TypeAdapter(GitRef).validate_python(branch or commit))
    except ValidationError as error:
        flag = "--branch" if branch else "--commit"
        kind = "branch" if branch else "tag, SHA or branch"
        raise UsageError(f"{flag}: {branch or commit!r} cannot be a {kind}.", "Give a name or SHA that git knows.") from error


def apply_options(sessions: Sequence[Session], options: Mapping[str, Any]) -> None:
    """Set what --branch, --commit and --force say of each host's release. Raises UsageError as `named` does."""
    ref, forced = named(options), bool(options.get("force"))
    for session in sessions:
        session.release = replace(session.release, ref=ref, forced=forced)


@dataclass
class Commits:
    """The commits of this run: (repository, ref) to 40 hex digits."""

    known: dict[tuple[str, str], str] = field(default_factory=dict)

    def resolve(self, sessions: Sequence[Session]) -> None:
        """Resolve what can be resolved before anything is changed; hosts that ask for the same get the same.

        A ref that no server can tell yet (git is not installed, the repository refuses) stays open. Raises SelvedgeError
        where the repository does not answer, or its server has another host key: nothing that a run does changes that.
        """
        for session in sessions:
            if self._take(session):
                continue
            answer = self._ask(session)
            if answer.startswith(("silent", "changed")):
                raise refused(session, answer)
            if answer.startswith("commit "):
                self._settle(session, answer.split()[1])
            self._take(session)

    def resolve_now(self, session: Session) -> None:
        """Resolve for a server that is about to fetch. Raises SelvedgeError with the cause and what to do."""
        if self._take(session):
            return
        answer = self._ask(session)
        if not answer.startswith("commit "):
            raise refused(session, answer)
        self._settle(session, answer.split()[1])
        self._take(session)

    def _take(self, session: Session) -> bool:
        """Give the session its commit if it is known; return whether it is."""
        app = session.app
        commit = self.known.get((app.repository, app.ref)) or (app.ref if SHA.fullmatch(app.ref) else "")
        if commit and session.release.commit != commit:
            session.release = replace(session.release, commit=commit)
        return bool(commit)

    def _settle(self, session: Session, commit: str) -> None:
        self.known[session.app.repository, session.app.ref] = commit

    def _ask(self, session: Session) -> str:
        app = session.app
        if app.local_path is not None:
            return f"commit {local_commit(app.local_path, app.ref)}"
        output = session.run(resolve_call(app), more=True).output
        lines = [line for line in output.splitlines() if line.startswith(KINDS)]
        return lines[-1] if lines else f"refused {output.strip()[-500:]}"


def resolve_call(app: Target, seconds: int = 30) -> str:
    """Return shell that asks the repository for the commit, for at most so many seconds; its answer begins as one of KINDS."""
    return call("git_resolve", given=app.shell_values, url=app.repository_shown, ref=app.ref, git_seconds=seconds)


def local_commit(repository: Path, ref: str) -> str:
    """The commit that a branch, tag or SHA means in a checkout on this machine, 40 hex digits.

    Raises ConfigError where the folder is no git repository, UsageError where it does not know the ref.
    """
    if not repository.is_dir():
        raise ConfigError(file_name(), "app.repository", f"there is no folder {repository}", _REPOSITORY)
    names = [ref] if SHORT_SHA.fullmatch(ref) else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    for name in [*names, ref]:
        found = git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found.returncode == 0:
            return found.stdout.strip()
    if git(repository, "rev-parse", "--git-dir").returncode != 0:
        raise ConfigError(file_name(), "app.repository", f"{repository} is not a git repository", _REPOSITORY)
    raise UsageError(
        f"The repository {repository} has no branch, tag or commit {ref}.",
        "Commit the work there first, or give --branch or --commit. `git -C PATH branch` lists the branches.",
    )


def git(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git in a folder of this machine; return its exit status and output.

    Raises SelvedgeError if git is not installed, subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command, env={**os.environ, **(environment or {})}, timeout=timeout,
            capture_output=True, text=True, errors="surrogateescape", check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SelvedgeError("git is not installed on this machine.", "Install it, e.g. `apt-get install git`.") from error


def refused(session: Session, answer: str) -> SelvedgeError:
    """Why the server could not tell the commit: git missing, the ref missing, or the repository refusing."""
    target, name = session.app, session.name
    kind, _, detail = answer.partition(" ")
    if kind == "nogit":
        return SelvedgeError(f"{name}: git is not installed there.", f"Run `fab -H {name} install` first.")
    if kind == "missing":
        return SelvedgeError(
            f"{name}: the repository {target.repository_shown} has no branch or tag {target.ref}.",
            "Check app.branch in hosts.toml, or --branch or --commit; has it been pushed? "
            "A short SHA must be of a commit that a branch or tag there still holds.",
        )
    if kind == "changed":
        return _changed(session, detail)
    public, _, message = detail.partition(" | ")
    remedy = "Check app.repository in hosts.toml, and that the server can reach it."
    if target.repository.startswith(("http://", "https://")) and re.search(r"could not read|40[134]|uthenticat|not found", detail):
        remedy = (
            "Check app.repository in hosts.toml. If the repository is private: name it by SSH (git@host:path), then the server "
            "makes a key and shows it; or put "
            "its address with a token into .env: SELVEDGE_APP__REPOSITORY=https://user:token@host/path."
        )
    if public.startswith("ssh-"):
        remedy = (
            "If the repository is private, give this server's key read access to it (GitHub: Settings, Deploy keys, Add "
            f"deploy key; GitLab: Settings, Repository, Deploy keys), then run the same command again:\n{public}"
        )
    said = (message or detail).rstrip(". ")
    asked = f"{name}: the repository {target.repository_shown} refuses, asked for {target.ref}"
    return SelvedgeError(f"{asked}: {said}.", remedy)


def _changed(session: Session, fingerprint: str) -> SelvedgeError:
    """The git server shows another host key than the one that this server, or the user's machine, knows."""
    target, name = session.target, session.name
    server = host_keys.entry_at(*target.ssh_server) if target.ssh_server else target.repository_shown
    return SelvedgeError(
        f"{name}: THE HOST KEY OF THE GIT SERVER {server} HAS CHANGED: it shows {fingerprint or 'another one'}. Somebody may be "
        "listening in, or its operator has changed it. Nothing was fetched.",
        "Compare it with the one that the operator publishes. If it is theirs, forget the old one, here and on the server, then "
        f"run the same command again:\n    ssh-keygen -R {quote(server)}\n    fab -H {name} ssh\n"
        f"    sudo rm {target.paths.git_known_hosts}",
    )
