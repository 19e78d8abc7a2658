"""The files to back up. They are read once, because a large folder has millions of them."""

import contextlib
import os
import stat

from .excluding import kept
from .paths import SUFFIXES, topmost, within
from .settings import say
from .sqlite import is_database


def roots(settings):
    """Return the files and folders to back up that exist."""
    paths = [f"{settings.shared}/{path}" for path in topmost(settings.files)] or [settings.shared]
    return [path for path in paths if os.path.lexists(path)]


def files(settings):
    """Yield the path of each file to back up, and of each link."""
    for root in roots(settings):
        for folder, folders, names in kept(settings.shared, settings.exclude, root):
            yield from (os.path.join(folder, name) for name in names)
            yield from (path for path in (os.path.join(folder, name) for name in folders) if os.path.islink(path))


class Found:
    """The files to back up.

    databases: paths that look like SQLite databases. links: those that lead out of the app's folder, with their targets.
    """

    def __init__(self, settings):
        self.databases, self.links = [], []
        self._number = self._bytes = 0
        self._sizes = {}
        for path in files(settings):
            # The app may delete it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                self._add(settings, path)

    def _add(self, settings, path):
        about = os.lstat(path)
        self._number += 1
        self._bytes += about.st_size
        if stat.S_ISLNK(about.st_mode):
            if not within(os.path.realpath(path), settings.base):
                self.links.append((path, os.readlink(path)))
            return
        database = is_database(path)
        if database:
            self.databases.append(path)
        if database or path.endswith(SUFFIXES[1:]):
            self._sizes[path] = about.st_size

    def without(self, copied):
        """Return the number of files and their bytes, without those of databases. copied: the paths of the databases."""
        sizes = [self._sizes[name] for path in copied for end in SUFFIXES if (name := f"{path}{end}") in self._sizes]
        return self._number - len(sizes), self._bytes - sum(sizes)

    def report_links(self):
        """Tell the user which links a backup has, and not what is there."""
        for path, target in self.links:
            say(f"{path} is a link to {target}: the backup has the link, and not what is there")
