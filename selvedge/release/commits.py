"""The commit to release. A run resolves each branch once, so all hosts get the same commit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from selvedge.errors import SelvedgeError
from selvedge.release import carried
from selvedge.release.refs import ref_of, requested_image
from selvedge.resources.code.access import alias_hint
from selvedge.resources.code.local_repository import SHORT_SHA
from selvedge.resources.code.sources import code_source
from selvedge.shell.quoting import quote
from selvedge.ssh import known_hosts

if TYPE_CHECKING:
    from selvedge.engine.session import Session

SHA = re.compile(r"[0-9a-f]{40}")


def apply_options(sessions: Sequence[Session], options: Mapping[str, Any]) -> None:
    """Apply --branch, --commit, --image, --force and refs to the release of each host.

    Raises UsageError as `requested_ref` and `requested_image` do.
    """
    forced = bool(options.get("force"))
    hosts = ",".join(session.name for session in sessions)
    for session in sessions:
        image = requested_image(session.app, options)
        session.release = replace(session.release, ref=ref_of(session.name, options), image=image, forced=forced, hosts=hosts)


@dataclass
class Commits:
    """The commits of this run, 40 hex digits each, by repository and ref."""

    known: dict[tuple[str, str], str] = field(default_factory=dict)
    # The commands of several hosts may write to the same folder.
    _building: Lock = field(default_factory=Lock)

    def resolve(self, sessions: Sequence[Session]) -> None:
        """Resolve the commits of all hosts before anything is changed, if possible.

        A commit stays unknown if git is not installed yet or the repository denies access: a later step may change that.
        Raises SelvedgeError if the repository does not answer, its server has another host key, or app.carry names files that
        cannot be carried.
        """
        for session in sessions:
            answer = self._resolve(session)
            if answer.startswith(("silent", "changed")):
                raise refused(session, answer)
            carried.find(session)

    def resolve_now(self, session: Session) -> None:
        """Resolve the commit of a host that fetches it next. Raises SelvedgeError with the cause and the remedy."""
        if answer := self._resolve(session):
            raise refused(session, answer)
        with self._building:
            carried.find(session)
            carried.build(session)

    def build(self, sessions: Iterable[Session]) -> None:
        """Make the content of app.carry for these hosts, one after the other. Raises SelvedgeError."""
        for session in sessions:
            carried.build(session)

    def _resolve(self, session: Session) -> str:
        """Set the session's commit; return "", or the answer of the repository if that has no commit."""
        app = session.app
        key = app.repository, app.ref
        if SHA.fullmatch(app.ref):
            self.known[key] = app.ref
        if key not in self.known:
            answer = self._ask(session)
            if not answer.startswith("commit "):
                return answer
            self.known[key] = answer.split()[1]
        session.release = replace(session.release, commit=self.known[key])
        return ""

    def _ask(self, session: Session) -> str:
        """Return the answer of the source of the code: "commit SHA", or why the commit is unknown."""
        app = session.app
        with session.report.activity(session.name, "", "asking the repository for the commit", live_only=True):
            return code_source(app).find(app, lambda shell: session.run(shell, more=True).output)


def refused(session: Session, answer: str) -> SelvedgeError:
    """Return the error for an answer without a commit: no git, no such ref, or no access to the repository."""
    target, name = session.app, session.name
    kind, _, detail = answer.partition(" ")
    if kind == "nogit":
        return SelvedgeError(f"{name}: git is not installed.", f"Run `fab -H {name} install` first.")
    if kind == "missing":
        branches = detail.split()
        more = ", …" if len(branches) > 5 else ""
        others = f" Its branches: {', '.join(branches[:5])}{more}." if branches else " It has no branches."
        pushed = "the commit's branch" if SHORT_SHA.fullmatch(target.ref) else f"the branch: `git push origin {quote(target.ref)}`"
        return SelvedgeError(
            f"{name}: the repository {target.repository_shown} has no branch or tag {target.ref}.{others}",
            f"Check app.branch in hosts.toml, or the flag --branch or --commit, and push {pushed}. "
            "A short SHA works only for a commit that is on a branch or tag of the repository.",
        )
    if kind == "changed":
        return _changed(session, detail)
    said, remedy, key = [*detail.split("\t"), "", ""][:3]
    asked = f"{name}: could not read {target.ref} from the repository {target.repository_shown}"
    remedy = remedy or "Check app.repository in hosts.toml, and that the server can reach that address."
    if "resolve hostname" in said and (hint := alias_hint(target)):
        remedy = hint
    return SelvedgeError(f"{asked}: {said}.", f"{remedy.rstrip('.')}:\n{key}" if key else remedy)


def _changed(session: Session, fingerprint: str) -> SelvedgeError:
    """Return the error for a git server whose host key differs from the one that the server, or this machine, has stored."""
    target, name = session.target, session.name
    server = known_hosts.entry_name(*target.ssh_server) if target.ssh_server else target.repository_shown
    return SelvedgeError(
        f"{name}: THE HOST KEY OF THE GIT SERVER {server} HAS CHANGED to {fingerprint or 'another one'}. Either its operator has "
        "changed it, or someone may be intercepting the connection. Nothing was fetched.",
        "Compare the key with the one that the operator publishes. If they match, remove the stored key from your machine and from "
        f"the server, then run the same command again:\n    ssh-keygen -R {quote(server)}\n    fab -H {name} ssh\n"
        f"    sudo rm {target.paths.git_known_hosts}",
    )
