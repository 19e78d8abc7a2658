"""The mirror: a bare repository on the server that commits are fetched or pushed into."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, words


class Mirror(Resource):
    """An empty bare repository, readable by root only."""

    path: str

    def paths(self) -> tuple[str, ...]:
        return (self.path, f"{self.path}/HEAD")

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''\nprobe_path {quote(self.path + '/HEAD')} ''"

    def plan(self, fact: str) -> Change | None:
        if fact.startswith("directory 700 root root\nfile"):
            return None
        path = quote(self.path)
        shell = f"rm -rf -- {path}\n" if "\nfile" not in fact else ""
        shell += f"git init -q --bare -- {path}\nchown root:root -- {path}\nchmod 0700 -- {path}"
        remedy = "If git is missing on the server, run `fab install` first."
        return Change(f"create the git mirror {self.path}", shell, remedy=remedy)


class MirroredCommit(Resource):
    """A commit in the mirror `repo`. Its fact is "present", or "missing" and the commits that the mirror has."""

    repo: str
    commit: str

    def probe(self) -> str:
        return f"mirror_fact {words(self.repo, self.commit)}"
