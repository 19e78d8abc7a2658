"""Services of systemd: enabled, running, and running with the files that they load."""

from __future__ import annotations

from selvedge.engine.plan import Plan
from selvedge.resources.base import Resource
from selvedge.resources.files import File, Link
from selvedge.resources.nginx.https import NginxHttps
from selvedge.resources.nginx.server import Nginx
from selvedge.resources.services import Service
from selvedge.resources.stamp import FOLDER
from selvedge.shell.library import library
from tests.support.plans import summaries
from tests.support.tables import check, table


def fact(enabled: str = "enabled", active: str = "active", stamp: str = "", more: str = "") -> str:
    """Return the lines that the probe of a service prints."""
    return f"UnitFileState={enabled}\nActiveState={active}\nStamp={stamp}\n{more}"


CRON = Service("cron")
START = "service_run 'enable --now' cron"


@table(
    (CRON, fact(), None),
    (CRON, fact("static"), None),
    (CRON, fact("disabled"), "enable cron", START),
    (CRON, fact("enabled", "inactive"), "start cron", START),
    (CRON, fact("enabled", "failed"), "start cron", START),
    (CRON, fact("masked", "inactive"), "start cron.service, which is masked", "service_masked cron.service ''"),
    (CRON, fact("masked-runtime", "inactive"), "start cron.service, which is masked", "service_masked cron.service ''"),
    (CRON, fact("masked", "active"), "start cron.service, which is masked", "service_masked cron.service ''"),
    (CRON, fact("", "inactive"), "enable and start cron", START),
    (CRON, fact(""), "enable cron", START),
    (CRON, "", "enable and start cron", START),
)
def test_service_that_loads_nothing(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


SITE = File("/etc/site", "x\n")
WEB = Service("web", (SITE,), check="web -t", reload_command="web reload")
WEB_STAMP = WEB._wanted()
CHECK = (
    "service_check 'web rejects its configuration, so it was not reloaded' "
    "'The files that this step changed were restored.' 'web -t'"
)
RELOAD = f"{CHECK}\nweb reload\nstamp_write web {WEB_STAMP}"
RELOAD_IF_RUNNING = f"""service_check 'web rejects its configuration, so it was not started' …
if systemctl is-active -q web; then
web reload
service_run 'enable --now' web
stamp_write web {WEB_STAMP}"""


@table(
    (WEB, fact(stamp=WEB_STAMP), None),
    (WEB, fact(stamp="0" * 64), "reload web", RELOAD),
    (WEB, fact(), "reload web", RELOAD),
    (WEB, fact("disabled", stamp=WEB_STAMP), "enable web", RELOAD_IF_RUNNING),
    (WEB, fact(active="inactive", stamp=WEB_STAMP), "start web", RELOAD_IF_RUNNING),
)
def test_service_that_loads_files(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


NGINX = Nginx(loads=(SITE,))
HTTPS = NginxHttps(
    loads=(Link("/etc/nginx/sites-enabled/hello-tls", "/x"),),
    stamp="nginx-tls-hello",
    domain="a.test",
    fullchain="/chain.pem",
)
HTTPS_STAMP = HTTPS._wanted()


@table(
    (NGINX, fact(stamp=NGINX._wanted()), None),
    (NGINX, fact(), "reload nginx", "service_check …\nnginx_reload"),
    (HTTPS, fact(stamp=HTTPS_STAMP), None),
    (HTTPS, fact(stamp=HTTPS_STAMP, more="Served=\n"), None),
    (HTTPS, fact(), "reload nginx", "nginx_reload\nhttps_serves /chain.pem a.test 443"),
    (HTTPS, fact(stamp=HTTPS_STAMP, more="Served=Apr  1 00:00:00 2026 GMT\n"),
     "reload nginx, which serves an old certificate, valid until 2026-04-01", "nginx_reload\nhttps_serves /chain.pem a.test 443"),
    (HTTPS, fact(stamp=HTTPS_STAMP, more="Served=none\n"),
     "reload nginx, which serves no certificate", "nginx_reload\nhttps_serves /chain.pem a.test 443"),
)  # fmt: skip
def test_nginx_with_http_and_https(resource: Resource, fact: str, summary: str | None, shell: str) -> None:
    check(resource, fact, summary, shell)


def test_a_change_of_a_loaded_file_plans_a_reload() -> None:
    file = File("/etc/nginx/site", "good\n")
    service = Service("nginx", (file,), check="nginx -t", reload_command="systemctl reload nginx", stamp="nginx-hello")
    planned = Plan.of([file, service], ["absent\n", fact(stamp=service._wanted())])
    assert summaries(planned) == ["create /etc/nginx/site", "reload nginx"]
    assert "stamp_remove nginx-hello" in planned.before[0]


def test_python_and_shell_have_the_stamps_in_the_same_folder() -> None:
    assert f"\nstamp_folder={FOLDER}\n" in library("stamp")
