"""`fab remove` on a server with two apps."""

from __future__ import annotations

import json
import re
from pathlib import Path

from https_site import NAME, Site
from lab import Project


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
    own = ("/run/selvedge/other", "/var/log/selvedge/other.log")
    left = site.server.run(theirs).stdout.split()
    assert all(path.startswith((*own, "/srv/other", "/var/log/other")) for path in left), left
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
