"""`fab remove` on a server with two apps: each with a name, and both under one name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from https_site import NAME, Site
from lab import Project

pytestmark = pytest.mark.thorough


def test_removing_one_app_keeps_the_other(site: Site, tmp_path: Path) -> None:
    """The other app and its certificate stay untouched. The data of the removed app stays until --data."""
    other = Site(site.server, Project(tmp_path), site.pebble)
    site.configure(NAME)
    site.must("deploy")
    other.configure("other.test", name="other", manager="systemd")
    other.name("other.test")
    other.must("deploy")
    other.server.run("runuser -u other -- touch /srv/other/shared/upload")
    assert json.loads(other.get("/", "other.test").body)["message"]
    names = "-name other -o -name 'other[.-]*' -o -name '*-other*'"
    theirs = f"find /etc /srv /run /var -maxdepth 4 -not -path '/etc/pam.d/*' -not -path '/srv/hello/*' \\( {names} \\) | sort"
    places = "/srv/hello /etc/nginx/*/*hello* /etc/letsencrypt/*/hello* /etc/supervisor /run/hello"
    ours = f"find {places} -xdev -printf '%p %T@ %s\\n' | sort"
    for app in (other, site):
        name = "other" if app is other else "hello"
        site.server.run(f"systemd-run --quiet --unit=stray --uid={name} sleep 300")
        stopped = app.fab("remove", "--yes")
        assert stopped.status == 1, stopped
        assert re.search(r"so nothing was removed: sleep \(pid \d+\)\.", stopped.stderr), stopped
        site.server.run("systemctl stop stray")
    serial, before = site.serial(), site.server.run(ours).stdout
    refused = other.fab("remove")
    assert refused.status == 2 and "--dry-run" in refused.stderr, refused
    there = site.server.run(theirs).stdout
    shown = other.must("remove", "--dry-run")
    assert "-/etc/nginx/sites-enabled/other-tls" in shown.stdout.replace(" ", ""), shown
    assert site.server.run(theirs).stdout == there
    assert other.get("/", "other.test").status == 200 and site.get("/health").status == 200
    other.must("remove", "--yes")
    own = "/run/selvedge/other"
    kept = ("/srv/other", "/var/log/other", "/var/log/selvedge/other.log", "/var/backups/selvedge")
    left = site.server.run(theirs).stdout.split()
    assert all(path.startswith((own, *kept)) for path in left), left
    assert site.server.run("ls -A /srv/other; ls /srv/other/shared/upload").stdout.split()[:2] == ["history", "shared"]
    assert "other" not in site.server.run("systemctl list-units --all 'other*' --no-legend; ps -u other -o args= || true").stdout
    assert "remove: nothing to change" in other.must("remove", "--yes").stdout
    other.must("remove", "--yes", "--data")
    left = site.server.run(theirs).stdout.split()
    assert all(path.startswith(own) for path in left), left
    assert site.server.run("getent passwd other || true").stdout == ""
    assert site.server.run(ours).stdout == before
    assert site.serial() == serial and site.get("/health").status == 200
    site.repeat_changes_nothing()


def test_two_apps_under_one_name_have_one_certificate(site: Site, tmp_path: Path) -> None:
    """Each is deployed and removed without the other ([nginx] path). The certificate stays as long as one of them uses it."""
    api = Site(site.server, Project(tmp_path), site.pebble)
    api.configure(NAME, name="api", tls='hsts = 86400\n[nginx]\npath = "/api"')
    ordered, serial = site.asked(), site.serial()
    assert f"https://{NAME}/api/\n" in api.must("deploy").stdout
    assert "deploy: nothing to change" in api.must("deploy").stdout
    assert (site.asked(), site.serial()) == (ordered, serial), "the name has a certificate already"
    assert json.loads(api.get("/api/health").body)["status"] == "ok" and site.get("/health").status == 200
    assert site.plain("/api/health").getheader("Location") == f"https://{NAME}/api/health"
    assert api.get("/api/health").getheader("Strict-Transport-Security") == "max-age=86400"
    site.must("remove", "--yes")
    assert "remove: nothing to change" in site.must("remove", "--yes").stdout
    assert (site.get("/api/health").status, site.get("/health").status, site.serial()) == (200, 404, serial)
    for command in ("status", "doctor"):
        assert "problem" not in api.must(command).stdout
    api.must("certbot", "--renew-dry-run")
    ordered = site.asked()
    assert "delete the certificate hello, which no site uses" in api.must("deploy").stdout
    assert "deploy: nothing to change" in api.must("deploy").stdout
    assert site.server.run("ls /etc/letsencrypt/live").stdout.split() == ["README", "api"]
    assert site.get("/api/health").status == 200 and site.asked() == ordered + 1
    site.must("deploy")
    assert site.get("/health").status == site.get("/api/health").status == 200
    assert "nothing to change" in api.must("deploy").stdout
    api.must("remove", "--yes", "--data")
    assert (site.get("/health").status, site.get("/api/health").status) == (200, 404)
    site.repeat_changes_nothing()
