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
ANOTHERS = "see that hello is a user of its own"
REFUSED = "step_fail 'the user hello exists already and is not the app'\"'\"'s: choose another app.name in hosts.toml'"
CHANGED = "change user hello (shell, home or groups)"
LOGIN = User("me", "/home/me")


@table(
    (HELLO, PASSWD + "hello adm ssl-cert\n", None),
    (HELLO, "", "create user hello", CREATED),
    (HELLO, PASSWD + "hello\n", CHANGED, "usermod --append --groups adm,ssl-cert -- hello"),
    (HELLO, PASSWD + "hello adm\n", CHANGED, "usermod --append --groups ssl-cert -- hello"),
    (HELLO, PASSWD.replace("nologin", "false") + "hello adm ssl-cert\n", CHANGED, "usermod --shell /usr/sbin/nologin -- hello"),
    (HELLO, PASSWD + "hello adm ssl-cert sudo\n", ANOTHERS, REFUSED),
    (HELLO, PASSWD.replace(":998:", ":1000:") + "hello adm ssl-cert\n", ANOTHERS, REFUSED),
    (HELLO, PASSWD.replace("/srv/hello", "/home/x") + "hello adm ssl-cert\n", ANOTHERS, REFUSED),
    (LOGIN, "", "create user me", "useradd --home-dir /home/me --shell /bin/bash --user-group --comment '' --create-home -- me"),
    (LOGIN, "me:x:1000:1000::/old:/bin/bash\nme sudo\n", "change user me (shell, home or groups)",
     "usermod --home /home/me -- me"),
)  # fmt: skip
def test_user(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)
