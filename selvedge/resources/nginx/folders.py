"""Folders of the app that nginx serves files from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import words

if TYPE_CHECKING:
    from selvedge.config.target import Target


class StaticFolders(Resource):
    """Folders of a release that nginx may read. release: its path, which may be a link.

    page: the folder with the page of `nginx.spa`, which must have an index.html; "" if there is none.
    """

    release: str
    folders: tuple[str, ...]
    page: str = ""

    def probe(self) -> str:
        page = [f"site_without_page {words(self.release, self.page)}"] if self.page else []
        return "\n".join([*(f"site_unreadable {words(self.release, folder)}" for folder in self.folders), *page, "echo end"])

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "end":
            return None
        setting = {self.page: ["spa"]}
        shell = [f"site_readable {words(self.release, folder, *setting.get(folder, []))}" for folder in self.folders]
        shell += [f"site_page {words(self.release, self.page)}"] if self.page else []
        return Change(f"let nginx read {', '.join(self.folders)}", "\n".join(shell))


class MediaFolder(Resource):
    """A folder in `shared` where the app writes and nginx reads. It has nginx's group, which new files inherit."""

    user: str
    shared: str
    folder: str

    @property
    def _all(self) -> list[str]:
        parts = PurePosixPath(self.folder).parts
        return [str(PurePosixPath(self.shared, *parts[: count + 1])) for count in range(len(parts))]

    def probe(self) -> str:
        return f"stat -c '%a %U %G' -- {words(*self._all)} 2>/dev/null || true"

    def plan(self, fact: str) -> Change | None:
        *parents, last = [line.split() for line in fact.splitlines()] or [[]]
        passable = all(len(parent) == 3 and parent[2] == "www-data" and int(parent[0], 8) & 0o010 for parent in parents)
        if len(parents) + 1 == len(self._all) and passable and last == ["2750", self.user, "www-data"]:
            return None
        shell = f"site_media {words(self.user, self.shared, self.folder)}"
        return Change(f"let nginx read {self.shared}/{self.folder}", shell)


def static_folders(app: Target, release: str) -> Iterator[StaticFolders]:
    """Return the folders of [nginx] static and spa in a release, or in the link to the live one; nothing if there are none."""
    found = [f"{app.root}/{folder}".strip("/") for folder in app.nginx.static.values()]
    found += [app.nginx.spa] if app.nginx.spa else []
    if found:
        yield StaticFolders(release, tuple(dict.fromkeys(found)), app.nginx.spa)
