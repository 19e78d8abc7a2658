"""The folder of the responses that nginx keeps ([nginx] cache)."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote


class CacheFolder(Resource):
    """A folder that only nginx's workers can read; absent if it is not wanted. nginx does not have www-data as its user everywhere.

    The responses are those of one app, so `fab remove` deletes the folder.
    """

    path: str
    wanted: bool

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def owned(self) -> tuple[str, ...]:
        return (self.path,)

    def probe(self) -> str:
        return f"probe_path {quote(self.path)} ''"

    def plan(self, fact: str) -> Change | None:
        if self.wanted:
            private = fact.startswith("directory 700 ")
            return None if private else Change(f"create {self.path}/ for nginx", f"nginx_cache_folder {quote(self.path)}")
        return None if fact.strip() == "absent" else Change(f"remove {self.path}/", f"rm -rf -- {quote(self.path)}")
