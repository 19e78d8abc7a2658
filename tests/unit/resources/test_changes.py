"""From a fact to a change."""

from __future__ import annotations

import subprocess

import pytest

from selvedge.engine.plan import Plan
from selvedge.resources.base import Change, Resource
from selvedge.resources.code.access import DeployKey
from selvedge.resources.code.environment import Venv
from selvedge.resources.code.fetched import FetchedCommit
from selvedge.resources.code.python import Python, Tool
from selvedge.resources.files import Absent, File, Link
from selvedge.resources.need import Needs
from selvedge.resources.ports import Port
from selvedge.resources.system import Packages, Service, User
from tests.support.plans import summaries

PASSWD = "hello:x:998:998:runs hello:/srv/hello:/usr/sbin/nologin\n"
HELLO = User("hello", "/srv/hello", system=True, shell="/usr/sbin/nologin", groups=("adm", "ssl-cert"))
NGINX = Service("nginx", (File("/etc/site", "x\n"),), check="nginx -t", reload_command="systemctl reload nginx")
STAMP = NGINX._wanted()
VENV = Venv("/srv/hello/releases/0", "", "/srv/hello/venvs", "/usr/bin/python3", "/uv", "uv", "", ("gunicorn",), "hello")
REQUEST = "/usr/bin/python3 uv - gunicorn"
HELD = 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("{0}",pid=7,fd=6),("{0}",pid=6,fd=6))\n'
FETCHED = FetchedCommit("/srv/hello/repo.git", "a" * 40, "file:///opt/hello", "/key", "/hosts", "/credentials")

TABLE: list[tuple[Resource, str, str | None]] = [
    (Packages("git", "nginx"), "git installed\nnginx installed\n", None),
    (Packages("git", "nginx"), "git installed\nnginx config-files\n", "install nginx"),
    (Packages("git", "nginx"), "git installed\nnginx half-installed\n", "install nginx"),
    (Packages("git", "nginx"), "nginx-common installed\n", "install git, nginx"),
    (Packages("git", "nginx"), "", "install git, nginx"),
    (Packages("libc6"), "libc6 installed\nlibc6 installed\n", None),
    (Service("cron"), "UnitFileState=enabled\nActiveState=active\nStamp=\n", None),
    (Service("cron"), "UnitFileState=static\nActiveState=active\nStamp=\n", None),
    (Service("cron"), "UnitFileState=disabled\nActiveState=active\nStamp=\n", "enable cron"),
    (Service("cron"), "UnitFileState=enabled\nActiveState=inactive\nStamp=\n", "start cron"),
    (Service("cron"), "UnitFileState=enabled\nActiveState=failed\nStamp=\n", "start cron"),
    (Service("cron"), "UnitFileState=masked\nActiveState=inactive\nStamp=\n", "enable and start cron"),
    (Service("cron"), "UnitFileState=\nActiveState=inactive\nStamp=\n", "enable and start cron"),
    (Service("cron"), "UnitFileState=\nActiveState=active\nStamp=\n", "enable cron"),
    (Service("cron"), "", "enable and start cron"),
    (NGINX, f"UnitFileState=enabled\nActiveState=active\nStamp={STAMP}\n", None),
    (NGINX, f"UnitFileState=enabled\nActiveState=active\nStamp={'0' * 64}\n", "reload nginx"),
    (NGINX, "UnitFileState=enabled\nActiveState=active\nStamp=\n", "reload nginx"),
    (NGINX, f"UnitFileState=disabled\nActiveState=active\nStamp={STAMP}\n", "enable nginx"),
    (NGINX, f"UnitFileState=enabled\nActiveState=inactive\nStamp={STAMP}\n", "start nginx"),
    (HELLO, PASSWD + "hello adm ssl-cert\n", None),
    (HELLO, PASSWD + "hello adm ssl-cert sudo\n", "see that hello is a user of its own"),
    (HELLO, PASSWD.replace(":998:", ":1000:") + "hello adm ssl-cert\n", "see that hello is a user of its own"),
    (HELLO, PASSWD + "hello\n", "change user hello (shell, home or groups)"),
    (HELLO, PASSWD.replace("nologin", "false") + "hello adm ssl-cert\n", "change user hello (shell, home or groups)"),
    (HELLO, PASSWD.replace("/srv/hello", "/home/x") + "hello adm ssl-cert\n", "see that hello is a user of its own"),
    (HELLO, "", "create user hello"),
    (Python("3.12"), "/usr\n", None),
    (Python("3.12"), "", "install Python 3.12"),
    (Python("3.12", "uv"), "/usr\n", "install Python 3.12 from uv"),
    (Python("3.12", "uv"), "/opt/selvedge/pythons/uv/cpython-3.12.4\n", None),
    (Python("3.12", "pyenv"), "/opt/selvedge/pythons/uv/cpython-3.12.4\n", "install Python 3.12 from pyenv"),
    (Tool("uv", "uv>=0.9"), "uv>=0.9\n", None),
    (Tool("uv", "uv>=0.9"), "uv>=0.8\n", "install uv into /opt/selvedge/uv"),
    (Tool("uv", "uv>=0.9"), "", "install uv into /opt/selvedge/uv"),
    (Port(80, "nginx"), "", None),
    (Port(80, "nginx"), HELD.format("nginx"), None),
    (Port(80, "nginx"), HELD.format("apache2"), "have port 80 free for nginx"),
    (VENV, REQUEST + "\n", None),
    (VENV, "", "build the virtual environment"),
    (VENV, REQUEST.replace("uv", "pip") + "\n", "build the virtual environment"),
    (DeployKey("/key", "x"), "file 600 root root\nabc\n", None),
    (DeployKey("/key", "x"), "file 640 root root\nabc\n", "make the deploy key readable by root only"),
    (DeployKey("/key", "x"), "absent\n", "make this server's deploy key"),
    (Needs("/x", "clone"), "there\n", None),
    (Needs("/x", "clone"), "", "needs /x, which `fab clone` makes"),
    (FETCHED, "present\n", None),
    (FETCHED, "missing\n", f"fetch {'a' * 12} from file:///opt/hello"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "fact", "summary"), TABLE)
def test_from_a_fact_to_a_change(resource: Resource, fact: str, summary: str | None) -> None:
    change = resource.plan(fact)
    assert (change.summary if change else None) == summary
    if change:
        assert change.shell.strip() and isinstance(change, Change)


def test_another_holder_of_a_port_is_named() -> None:
    change = Port(80, "nginx").plan(HELD.format("apache2"))
    assert change and "held by apache2 (process 6)" in change.shell
    assert "systemctl disable --now apache2" in change.remedy


def test_the_shell_of_every_change_can_be_parsed() -> None:
    changes = [change for resource, fact, _ in TABLE if (change := resource.plan(fact))]
    script = "".join(f"change() (\n{change.shell}\n)\n" for change in changes)
    done = subprocess.run(["dash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_identity_is_a_hash_of_all_that_is_wanted() -> None:
    base = File("/etc/x", "text\n")
    others = [
        File("/etc/y", "text\n"),
        File("/etc/x", "other\n"),
        File("/etc/x", "text\n", "0600"),
        File("/etc/x", "text\n", owner="daemon"),
        File("/etc/x", "text\n", group="daemon"),
        Absent("/etc/x"),
        Link("/etc/x", "text\n"),
    ]
    assert len({resource.identity() for resource in [base, *others]}) == 1 + len(others)
    assert base.identity() == File("/etc/x", "text\n").identity()


def fetched(sha: str, url: str = "file:///opt/hello") -> FetchedCommit:
    return FetchedCommit("/srv/hello/repo.git", sha, url, "/srv/hello/deploy_key", "/srv/hello/hosts", "/srv/hello/credentials")


def site(text: str = "good\n") -> list[Resource]:
    file = File("/etc/nginx/site", text)
    service = Service("nginx", (file,), check="nginx -t", reload_command="systemctl reload nginx", stamp="nginx-hello")
    return [file, service]


def test_a_reload_is_planned_where_only_a_load_changes() -> None:
    file, service = site()
    assert isinstance(service, Service)
    standing = f"UnitFileState=enabled\nActiveState=active\nStamp={service._wanted()}\n"
    planned = Plan.of([file, service], ["absent\n", standing])
    assert summaries(planned) == ["create /etc/nginx/site", "reload nginx"]
    assert "rm -f -- /var/lib/selvedge/loaded/nginx-hello" in planned.before[0]
