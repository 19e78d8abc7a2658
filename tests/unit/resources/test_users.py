"""The app's user."""

from __future__ import annotations

from selvedge.resources.base import Resource
from selvedge.resources.users import User
from tests.support.tables import check, table

HELLO = User("hello", "/srv/hello", system=True, shell="/usr/sbin/nologin", groups=("adm", "ssl-cert"), comment="runs hello")
PASSWD = "hello:x:998:998:runs hello:/srv/hello:/usr/sbin/nologin\n"
CREATED = (
    "useradd --home-dir /srv/hello --shell /usr/sbin/nologin --user-group --comment 'runs hello' --system --no-create-home "
    "--groups adm,ssl-cert -- hello"
)
ANOTHERS = "check that the user hello belongs to the app"
REFUSED = "step_fail 'The user hello already exists and does not belong to the app.'"
GROUPS = "set the groups of the user hello"
LOGIN = User("me", "/home/me")


@table(
    (HELLO, PASSWD + "hello adm ssl-cert\nhas a group\n", None),
    (HELLO, "", "create the user hello", CREATED),
    (HELLO, PASSWD + "hello\n", GROUPS, "usermod --append --groups adm,ssl-cert -- hello"),
    (HELLO, PASSWD + "hello adm\n", GROUPS, "usermod --append --groups ssl-cert -- hello"),
    (HELLO, PASSWD.replace("nologin", "false") + "hello adm ssl-cert\n", "set the shell of the user hello",
     "usermod --shell /usr/sbin/nologin -- hello"),
    (HELLO, PASSWD + "hello adm ssl-cert sudo\n", ANOTHERS, REFUSED),
    (HELLO, PASSWD.replace(":998:", ":1000:") + "hello adm ssl-cert\n", ANOTHERS, REFUSED),
    (HELLO, PASSWD.replace("/srv/hello", "/home/x") + "hello adm ssl-cert\n", ANOTHERS, REFUSED),
    (HELLO, "has a group\n", "check that the group hello belongs to the app", "step_fail 'The group hello already exists, …"),
    (LOGIN, "has a group\n", "create the user me",
     "useradd --home-dir /home/me --shell /bin/bash --gid me --comment '' --create-home -- me"),
    (LOGIN, "", "create the user me",
     "useradd --home-dir /home/me --shell /bin/bash --user-group --comment '' --create-home -- me"),
    (LOGIN, "me:x:1000:1000::/old:/bin/bash\nme sudo\n", "set the home of the user me",
     "usermod --home /home/me -- me"),
)  # fmt: skip
def test_user(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
