"""`fab update` and apt: locks of other programs, an interrupted dpkg, mirrors that fail."""

from __future__ import annotations

import re

import pytest

from lab import Lab, Project
from sandbox import Server

PACKAGES_LOCK, LISTS_LOCK = "/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"
HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(float(sys.argv[2]))
"""

# Install version 1 of a package with a file in /etc, and offer version 2 of it.
REPOSITORY = """
set -eu
mkdir -p /root/repo && cd /root/repo
for version in 1 2; do
  rm -rf tree && mkdir -p tree/DEBIAN tree/etc
  echo "version $version" >tree/etc/demo.conf
  echo /etc/demo.conf >tree/DEBIAN/conffiles
  printf 'Package: demo\\nVersion: %s\\nArchitecture: all\\nMaintainer: a <a@example.com>\\nDescription: a\\n' $version \\
    >tree/DEBIAN/control
  dpkg-deb --build --root-owner-group tree demo_$version.deb >/dev/null
done
dpkg -i demo_1.deb >/dev/null
{ cat tree/DEBIAN/control; echo "Filename: ./demo_2.deb"; echo "Size: $(stat -c %s demo_2.deb)"
  echo "SHA256: $(sha256sum demo_2.deb | cut -d ' ' -f 1)"; } >Packages
chmod -R a+rX /root/repo && mv /root/repo /srv/repo
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/demo.list
"""


# A mirror on port 8085 that passes requests on to the archive. It notes the paths.
MIRROR = r"""
set -eu
apt-get install -y -qq python3 >/dev/null 2>&1
cat >/root/mirror.py <<'EOF'
import http.server, shutil, sys, urllib.error, urllib.request
places = {("debian-security" if "security" in url else "debian"): url.rstrip("/") for url in sys.argv[1:]}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        folder, _, rest = self.path[1:].partition("/")
        print(self.path, file=open("/root/asked", "a"))
        try:
            answer = urllib.request.urlopen(f"{places[folder]}/{rest}")
        except urllib.error.HTTPError as error:
            return self.send_error(error.code)
        self.send_response(200)
        self.send_header("Content-Length", answer.headers["Content-Length"])
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)
http.server.ThreadingHTTPServer(("127.0.0.1", 8085), Handler).serve_forever()
EOF
systemd-run -q --unit=mirror python3 /root/mirror.py $(apt-get indextargets --format '$(REPO_URI)' | sort -u | grep '^http')
"""


@pytest.fixture(scope="module")
def project(shared_project: Project) -> Project:
    return shared_project


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def server(request: pytest.FixtureRequest, lab: Lab, project: Project) -> Server:
    """Return a server whose packages are up to date."""
    made = lab.server("ready", request.param)
    made.run("apt-get install -y -qq python3-minimal >/dev/null 2>&1")
    project.must("-H", made.name, "update")
    return made


@pytest.mark.parametrize(("server", "lock"), [
    ("bookworm", PACKAGES_LOCK), pytest.param("bookworm", LISTS_LOCK, marks=pytest.mark.thorough),
    pytest.param("trixie", PACKAGES_LOCK, marks=pytest.mark.thorough), ("trixie", LISTS_LOCK),
], indirect=["server"])  # fmt: skip
def test_update_waits_for_the_process_that_locks_apt(server: Server, project: Project, lock: str) -> None:
    server.run("rm -f /var/lib/selvedge/upgraded; touch -d '2 days ago' /var/lib/selvedge/lists-fetched")
    server.run(f"cat >/root/holder.py <<'EOF'{HOLD}EOF\nsystemd-run --quiet --collect python3 /root/holder.py {lock} 12; sleep 1")
    result = project.must("-H", server.name, "update")
    assert "waiting for apt, which is locked by" in result.stdout, result
    assert "/root/holder.py" in result.stdout
    assert "nothing to change" in project.must("-H", server.name, "update").stdout


def test_update_repairs_an_interrupted_dpkg(server: Server, project: Project) -> None:
    server.run(
        "rm -f /var/lib/selvedge/upgraded; cd /tmp && apt-get download -qq sqlite3 >/dev/null 2>&1; "
        "dpkg --unpack --force-depends sqlite3_*.deb >/dev/null 2>&1; touch /var/lib/dpkg/updates/0001"
    )
    assert server.run("apt-get install -y -qq logrotate", check=False).returncode != 0
    project.must("-H", server.name, "update")
    assert server.run("dpkg --audit").stdout == ""


@pytest.mark.parametrize(
    ("server", "port"), [("bookworm", 9), pytest.param("trixie", 8, marks=pytest.mark.thorough)], indirect=["server"]
)
def test_a_mirror_that_does_not_answer_is_reported(server: Server, project: Project, port: int) -> None:
    """Nothing listens on port 9. The listener on port 8 never answers: each request ends after 20 seconds."""
    silent = "import socket, time; listener = socket.create_server(('127.0.0.1', 8)); time.sleep(300)"
    server.run(
        f'systemd-run --quiet --unit=silent python3 -c "{silent}"\n'
        "mkdir -p /root/sources && mv /etc/apt/sources.list* /root/sources/ && "
        f"echo 'deb http://127.0.0.1:{port}/debian stable main' >/etc/apt/sources.list && "
        "touch -d '2 days ago' /var/lib/selvedge/lists-fetched"
    )
    result = project.fab("-H", server.name, "update", timeout=300)
    server.run("systemctl stop silent; rm /etc/apt/sources.list && mv /root/sources/* /etc/apt/")
    assert result.status == 1
    assert f"apt-get update failed: http://127.0.0.1:{port}/debian stable: " in result.stderr, result
    assert "/etc/apt/sources.list, line 1" in result.stderr and "Traceback" not in result.stderr, result


@pytest.mark.parametrize("server", ["trixie"], indirect=True)
def test_apt_uses_the_mirror_of_the_settings_until_it_is_removed(server: Server, project: Project) -> None:
    server.run(MIRROR)
    files = "cd /etc/apt && find sources.list* -type f -exec sha256sum {} + | sort"
    before = server.run(files).stdout
    project.configure('[mirrors]\napt = "http://127.0.0.1:8085"\n')
    shown = project.must("-H", server.name, "update", "--dry-run").stdout
    assert "set the mirror http://127.0.0.1:8085 for apt in /etc/apt/sources.list" in shown, shown
    assert re.search(r"\+.*http://127\.0\.0\.1:8085/debian-security", shown), shown
    assert server.run(files).stdout == before
    project.must("-H", server.name, "update")
    asked = server.run("cat /root/asked").stdout
    assert "/debian/dists/trixie/" in asked and "/debian-security/dists/trixie-security/" in asked, asked
    assert "nothing to change" in project.must("-H", server.name, "update").stdout
    project.configure()
    assert "restore the addresses for apt" in project.must("-H", server.name, "update").stdout
    assert server.run(files).stdout == before
    assert "nothing to change" in project.must("-H", server.name, "update").stdout
    server.run("systemctl stop mirror")


@pytest.mark.parametrize("server", ["bookworm"], indirect=True)
def test_a_mirror_with_an_expired_release_file_is_reported(server: Server, project: Project) -> None:
    """A mirror with an expired Release file could hide upgrades. Here every file expires after a minute."""
    settings = 'Acquire::Check-Date "true"; Acquire::Check-Valid-Until "true"; Acquire::Max-ValidTime "60";'
    server.run(
        f"echo '{settings}' >/etc/apt/apt.conf.d/zz-test && "
        "touch -d '2 days ago' /var/lib/selvedge/lists-fetched"
    )
    result = project.fab("-H", server.name, "update", timeout=120)
    server.run("rm /etc/apt/apt.conf.d/zz-test")
    assert result.status == 1, result
    assert re.search(r"apt-get update failed: \S+ \S+: Release file for \S+ is expired", result.stderr), result


def test_sources_of_third_parties_that_fail_do_not_stop_the_rest(server: Server, project: Project) -> None:
    server.run(
        "cd /etc/apt/sources.list.d; echo 'deb cdrom:[Debian GNU/Linux]/ stable main' >disc.list\n"
        "echo 'deb [trusted=yes] http://127.0.0.1:9/x stable main' >docker.list\n"
        "printf 'Types: deb\\nURIs: file:/srv/gone\\nSuites: stable\\nComponents: main\\n' >gone.sources"
    )
    result = project.must("-H", server.name, "update")
    assert "nothing to change" in project.must("-H", server.name, "update").stdout
    for name, reason in (("disc.list, line 1", "apt-cdrom"), ("docker.list, line 1", "connect"), ("gone.sources, entry 1", "gone")):
        assert re.search(rf"/etc/apt/sources\.list\.d/{name}: .*{reason}", result.stdout), result
    server.run("cd /etc/apt/sources.list.d; rm disc.list docker.list gone.sources; echo 'deb nonsense' >bad.list")
    result = project.fab("-H", server.name, "update")
    server.run("rm /etc/apt/sources.list.d/bad.list")
    assert result.status == 1
    assert "apt-get update failed: Malformed entry 1 in list file /etc/apt/sources.list.d/bad.list" in result.stderr, result


@pytest.mark.parametrize("server", ["bookworm"], indirect=True)
def test_a_masked_timer_is_named_and_left_as_it_is(server: Server, project: Project) -> None:
    server.run("systemctl mask --now apt-daily.timer")
    result = project.fab("-H", server.name, "update")
    assert result.status == 1
    assert re.search(r"turned off with `systemctl mask apt-daily\.timer` by root on 20\S+ \S+ on", result.stderr), result
    assert "unattended_upgrades = false" in result.stderr and "systemctl unmask apt-daily.timer" in result.stderr
    assert server.run("systemctl is-enabled apt-daily.timer", check=False).stdout.strip() == "masked"
    server.run("systemctl unmask apt-daily.timer")
    project.must("-H", server.name, "update")


def test_an_upgrade_keeps_a_hand_edited_file(server: Server, project: Project) -> None:
    server.run(REPOSITORY)
    server.run("echo 'edited by hand' >/etc/demo.conf; touch -d '2 days ago' /var/lib/selvedge/lists-fetched")
    project.must("-H", server.name, "update")
    assert server.run("dpkg-query -W -f '${Version}' demo").stdout == "2"
    assert server.run("cat /etc/demo.conf").stdout == "edited by hand\n"
    assert "nothing to change" in project.must("-H", server.name, "update").stdout


def test_unattended_upgrades_use_our_settings(server: Server) -> None:
    shown = server.run("unattended-upgrade --dry-run --debug 2>&1 | head -n 40; apt-config dump").stdout
    assert 'Unattended-Upgrade::Automatic-Reboot "true";' in shown
    assert 'Unattended-Upgrade::Automatic-Reboot-Time "04:00";' in shown
