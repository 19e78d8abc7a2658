"""The app's code on the server: access to the repository, the mirror, the commit in it, and its checkout."""

from __future__ import annotations

import atexit
import functools
import subprocess
import tempfile
from pathlib import Path

from selvedge.errors import SelvedgeError
from selvedge.paths import Paths
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import quote
from selvedge.ssh import known_hosts


class DeployKey(Resource):
    """A key pair of this server for a private repository; its public half is shown when the repository refuses."""

    path: str
    comment: str

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("file 600 root root"):
            return None
        path = quote(self.path)
        if fact.startswith("file"):
            return Change("make the deploy key readable by root only", f"chown root:root -- {path}\nchmod 0600 -- {path}")
        shell = (
            f"mkdir -p -- {quote(str(Path(self.path).parent))}\n"
            f"ssh-keygen -q -t ed25519 -N '' -C {quote(self.comment)} -f {path}"
        )
        return Change("make this server's deploy key", shell, remedy="Run `fab install` first: it brings ssh-keygen.")


class GitHostKey(Resource):
    """The host key of a git server, required from then on: as the user's own machine knows it, or else as it is shown
    at the first contact.
    """

    path: str
    host: str
    port: int

    @property
    def _entry(self) -> str:
        return known_hosts.entry_name(self.host, self.port)

    def probe(self) -> str:
        return f"ssh-keygen -F {quote(self._entry)} -f {quote(self.path)} >/dev/null 2>&1 && echo known || true"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "known":
            return None
        own = known_hosts.lookup_keys(known_hosts.machine_files(), self._entry)
        if own:
            shell = f"printf '%s' {quote(known_hosts.format_lines(self._entry, own.values()))} >>{quote(self.path)}"
            return Change(f"take the host key of {self._entry} from this machine's known_hosts", shell)
        silent = f"the git server {self.host}, port {self.port}, does not answer with a host key"
        shell = (
            f"keys=$(ssh-keyscan -T 15 -p {self.port} -- {quote(self.host)} 2>/dev/null) || keys=\n"
            f"[ -n \"$keys\" ] || step_fail {quote(silent)}\n"
            f"printf '%s\\n' \"$keys\" >>{quote(self.path)}\n"
            "printf '%s\\n' \"$keys\" | ssh-keygen -lf - |\n"
            '  while IFS= read -r line; do step_say "host key of the git server: $line"; done'
        )
        remedy = "Can the server reach it? With a path of this machine as app.repository, commits are pushed from here instead."
        return Change(f"take the host key of {self._entry}", shell, remedy=remedy)


class Mirror(Resource):
    """A bare repository that commits are fetched or pushed into; root's alone."""

    path: str

    def paths(self) -> tuple[str, ...]:
        return (self.path, f"{self.path}/HEAD")

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''\nprobe_path {quote(self.path + '/HEAD')} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("directory 700 root root\nfile"):
            return None
        path = quote(self.path)
        shell = f"rm -rf -- {path}\n" if "\nfile" not in fact else ""
        shell += f"git init -q --bare -- {path}\nchown root:root -- {path}\nchmod 0700 -- {path}"
        return Change(f"create the mirror {self.path}", shell, remedy="git is missing? Run `fab install` first.")


class Fetched(Resource):
    """A commit in the mirror, fetched by the server from the repository's URL."""

    repo: str
    url: str
    commit: str
    deploy_key: str
    git_known_hosts: str
    git_credentials: str

    def probe(self) -> str:
        return _commit_probe(self.repo, self.commit)

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("present"):
            return None
        shell = call(
            "git_fetch",
            repo=self.repo,
            url=self.url,
            ref=self.commit,
            deploy_key=self.deploy_key,
            git_known_hosts=self.git_known_hosts,
            git_credentials=self.git_credentials,
        )
        return Change(f"fetch {self.commit[:12]} from {self.url}", shell)


class Pushed(Resource):
    """A commit in the mirror, pushed from a checkout on this machine: only the objects that the server lacks."""

    repo: str
    source: Path
    commit: str

    def probe(self) -> str:
        return _commit_probe(self.repo, self.commit)

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("present"):
            return None
        pack = _pack(self.source, self.commit, tuple(sorted(set(fact.split()[1:]))))
        size = pack.stat().st_size
        repo = quote(self.repo)
        # Without --strict, which refuses what `git fsck` dislikes in old commits, and a shallow history. A pack that comes
        # in part is refused by its checksum.
        shell = (
            f"head -c {size} <&3 | git --git-dir={repo} index-pack --stdin --fix-thin >/dev/null\n"
            f"git --git-dir={repo} update-ref refs/selvedge/{self.commit} {self.commit}"
        )
        return Change(f"push {self.commit[:12]} from {self.source} ({_readable(size)})", shell, payload=pack)


def _commit_probe(repo: str, commit: str) -> str:
    git = f"git --git-dir={quote(repo)} -c safe.directory='*'"
    return (
        f"if probe_has git && {git} rev-parse -q --verify {quote(commit + '^{tree}')} >/dev/null 2>&1; then echo present\n"
        f"else echo missing; {git} for-each-ref --format='%(objectname)' 2>/dev/null; fi"
    )


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


@functools.cache
def _pack(source: Path, commit: str, known: tuple[str, ...]) -> Path:
    """A pack of the commit without what is reachable from `known` commits that this checkout has too."""
    folder = tempfile.TemporaryDirectory(prefix="selvedge-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "pack"
    git = ["git", "-C", str(source)]
    shared = subprocess.run(
        [*git, "cat-file", "--batch-check=%(objectname) %(objecttype)"],
        input="\n".join(known),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    have = [line.split()[0] for line in shared.splitlines() if line.endswith(" commit")]
    with path.open("wb") as output:
        done = subprocess.run(
            [*git, "pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "-q"],
            input="\n".join([commit, *(f"^{sha}" for sha in have)]).encode() + b"\n",
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode != 0:
        raise SelvedgeError(
            f"git could not pack {commit[:12]} of {source}: {done.stderr.decode(errors='replace').strip()}",
            "Is it a whole checkout? `git fetch --unshallow` completes a shallow one.",
        )
    return path


class Checkout(Resource):
    """One commit's files in a folder of their own: root's, read-only for the app, without .git. Where room is short,
    old releases go first.

    group: the app's. submodule_base: the URL that relative submodule URLs begin from. keep: how many good releases stay.
    """

    path: str
    repo: str
    commit: str
    group: str
    submodule_base: str
    deploy_key: str
    git_known_hosts: str
    git_credentials: str
    keep: int = 5

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("directory"):
            return None
        shell = call(
            "git_checkout",
            given=Paths(self.group).shell_values,
            app=self.group,
            new=self.commit[:12],
            keep=self.keep,
            release=self.path,
            repo=self.repo,
            commit=self.commit,
            group=self.group,
            url=self.submodule_base,
            deploy_key=self.deploy_key,
            git_known_hosts=self.git_known_hosts,
            git_credentials=self.git_credentials,
        )
        return Change(f"check out {self.path}", shell)
