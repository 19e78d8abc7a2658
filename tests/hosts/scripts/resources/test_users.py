"""Users of the system."""

from __future__ import annotations

from typing import Any

from selvedge.resources.users import User
from tests.support.plans import summaries


def test_a_user_is_created_and_changed(server: Any) -> None:
    user = User("hello", "/srv/hello/shared", system=True, shell="/usr/sbin/nologin", comment="runs 'hello' $(x)")
    assert summaries(server.make(user)) == ["create the user hello"]
    line = next(row for row in server.path("/etc/passwd").read_text().splitlines() if row.startswith("hello:"))
    assert line.split(":")[4:] == ["runs 'hello' $(x)", "/srv/hello/shared", "/usr/sbin/nologin"]
    assert int(line.split(":")[2]) < 1000
    assert not server.path("/srv/hello").exists()
    home = "/srv/hello/shared"
    changed = User("hello", home, system=True, shell="/bin/sh", groups=("adm", "daemon"))
    assert summaries(server.make(changed)) == ["set the shell and groups of the user hello"]
    # Groups are added, never removed.
    assert not server.plan(User("hello", home, system=True, shell="/bin/sh"))


def test_a_group_of_the_users_name(server: Any) -> None:
    """Tutorials make it before the user; others come with the system, such as that of video devices."""
    server.make(User("deploy", "/srv/deploy"))
    server.path("/etc/group").write_text(server.path("/etc/group").read_text() + "team:x:4242:\n")
    server.make(User("team", "/srv/team"))
    line = next(row for row in server.path("/etc/passwd").read_text().splitlines() if row.startswith("team:"))
    assert line.split(":")[3] == "4242"
    done = server.apply(server.plan(User("video", "/srv/video", system=True, shell="/usr/sbin/nologin")))
    assert done.status == 1 and done.error.startswith("The group video already exists"), done


def test_a_login_user_has_a_home_and_its_groups(server: Any) -> None:
    server.make(User("deploy", "/srv/deploy", groups=("adm",)))
    assert server.path("/srv/deploy").is_dir()
    group = next(row for row in server.path("/etc/group").read_text().splitlines() if row.startswith("adm:"))
    assert "deploy" in group
