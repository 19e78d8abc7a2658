"""Which commit: one a run, resolved once, so that all hosts get the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from selvedge.config.types import GitRef
from selvedge.errors import SelvedgeError, UsageError
from selvedge.resources.code.sources import source
from selvedge.shell.quoting import quote
from selvedge.ssh import known_hosts

if TYPE_CHECKING:
    from selvedge.engine.session import Session

SHA = re.compile(r"[0-9a-f]{40}")


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
        return source(app).find(app, lambda shell: session.run(shell, more=True).output)


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
    server = known_hosts.entry_name(*target.ssh_server) if target.ssh_server else target.repository_shown
    return SelvedgeError(
        f"{name}: THE HOST KEY OF THE GIT SERVER {server} HAS CHANGED: it shows {fingerprint or 'another one'}. Somebody may be "
        "listening in, or its operator has changed it. Nothing was fetched.",
        "Compare it with the one that the operator publishes. If it is theirs, forget the old one, here and on the server, then "
        f"run the same command again:\n    ssh-keygen -R {quote(server)}\n    fab -H {name} ssh\n"
        f"    sudo rm {target.paths.git_known_hosts}",
    )
