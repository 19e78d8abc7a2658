"""Static files and media: nginx may read them, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selvedge.resources.nginx.folders import MediaFolder, StaticFolders


def release(server: Any) -> Path:
    folder: Path = server.path("/srv/hello/releases/1/static")
    (folder / "css").mkdir(parents=True)
    (folder / "css/a.css").write_text("a")
    (folder.parent / "main.py").write_text("secret")
    for path in (folder.parent, folder, folder / "css"):
        path.chmod(0o751)
    for path in (folder / "css/a.css", folder.parent / "main.py"):
        path.chmod(0o640)
    return folder


STATIC = StaticFolders("/srv/hello/releases/1", ("static",))


def test_other_users_may_read_only_the_folder(server: Any) -> None:
    folder = release(server)
    (folder / "b.css").symlink_to("css/a.css")
    server.make(STATIC)
    modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "css", folder / "css/a.css")]
    assert modes == [0o755, 0o755, 0o644]
    assert [path.stat().st_mode & 0o777 for path in (folder.parent, folder.parent / "main.py")] == [0o751, 0o640]
    assert not server.plan(STATIC)
    (folder / "new.css").write_text("n")
    (folder / "new.css").chmod(0o640)
    assert server.plan(STATIC)


@pytest.mark.parametrize(
    ("where", "target", "sentence"),
    [
        ("static/css/x", "/etc/shadow", "contains static/css/x, a link to a place outside the folder"),
        ("static/x", "../main.py", "contains static/x, a link to a place outside the folder"),
        ("static", "/srv/secret", "is a link to a place outside the release"),
        ("static", "../../../secret", "is a link to a place outside the release"),
        ("static", "nowhere", "is not in this release"),
    ],
)
def test_a_link_out_of_the_release_is_refused_and_not_followed(
    server: Any, where: str, target: str, sentence: str
) -> None:
    folder = release(server)
    secret = server.path("/srv/secret")
    secret.mkdir(mode=0o700)
    (secret / "key").write_text("k")
    (secret / "key").chmod(0o600)
    path = folder.parent / where
    if where == "static":
        folder.rename(folder.parent / "moved")
    path.symlink_to(target)
    done = server.apply(server.plan(STATIC))
    assert done.status == 1 and sentence in done.error
    assert (secret.stat().st_mode & 0o777, (secret / "key").stat().st_mode & 0o777) == (0o700, 0o600)
    assert (folder.parent / "main.py").stat().st_mode & 0o777 == 0o640


def test_a_file_in_place_of_a_folder_gets_no_set_group_id_bit(server: Any) -> None:
    server.program("setpriv", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    server.program("chgrp", "exit 0")
    # The owner of the folder puts a program there at the last moment.
    server.program("chmod", """
if [ "$1" = g+rxs ] && [ -d /srv/hello/shared/up/deep ]; then
  mv /srv/hello/shared/up/deep /srv/hello/shared/up/moved
  printf x >/srv/hello/shared/up/deep
  /bin/chmod 0755 /srv/hello/shared/up/deep
fi
exec /bin/chmod "$@\"""")
    folder = server.path("/srv/hello/shared/up")
    (folder / "deep").mkdir(parents=True)
    (folder / "other").mkdir()
    done = server.apply(server.plan(MediaFolder("root", "/srv/hello/shared", "up")))
    assert done.status == 0, done.output
    assert (folder / "deep").is_file() and (folder / "deep").stat().st_mode & 0o7777 == 0o755
    assert (folder / "other").stat().st_mode & 0o2050 == 0o2050
