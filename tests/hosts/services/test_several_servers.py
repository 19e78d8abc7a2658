"""A database on one server for two others: who can reach it, who migrates it, a new password, and the end of it."""

from __future__ import annotations

import json
import re
import socket
import stat

import pytest

from drills import QUICK
from lab import Lab, Project, until
from observe import count_execs
from sandbox import Server
from services_app import DRIVERS, NAME, USER, asked, write
from traffic import get

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]
WITH_TLS = f"{USER} || ' by TLS ' || ssl from pg_stat_ssl where pid = pg_backend_pid()"
MIGRATE = "psql --version >/dev/null; python migrate.py"
MIGRATION = '''
import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("create table if not exists migrated (at timestamptz default now())")
    connection.execute("insert into migrated default values")
'''
IMPOSTOR = """apt-get -qq install -y postgresql >/dev/null 2>&1
cd /etc/postgresql/15/main
echo "listen_addresses = '*'" >conf.d/open.conf
echo 'hostssl all all 0.0.0.0/0 scram-sha-256' >>pg_hba.conf
systemctl restart postgresql
ufw allow 5432/tcp >/dev/null"""
WHO = dict.fromkeys(DRIVERS, f"{NAME} in {NAME} by TLS true")
VARIABLE = "SELVEDGE_SERVICES__PASSWORD"


class Site:
    """The database's server, two web servers, one more server beside them, and the project."""

    def __init__(self, servers: list[Server], project: Project) -> None:
        self.db, self.one, self.two, self.other = servers
        self.web = f"{self.one.name},{self.two.name}"
        self.project = project

    def configure(self, clients: bool = True, members: list[Server] | None = None, text: str = "") -> None:
        hosts = "\n".join(self.project.host_settings(each) for each in (self.db, self.one, self.two))
        services = f'[services]\npostgres = true\nhosts = ["{self.db.name}"]\n' + ('clients = "web"\n' if clients else "")
        names = json.dumps([each.name for each in members or [self.one, self.two]])
        own = {} if clients else {"env_file": "own.env"}
        settings = {**QUICK, "name": NAME, "migrate": "python migrate.py", "health": "/health", **own}
        self.project.configure(f"{hosts}\n{services}[groups]\nweb = {names}\n{text}", **settings)

    def fab(self, hosts: str, *words: str) -> str:
        return self.project.must("-H", hosts, *words).stdout

    @property
    def password(self) -> str:
        found = re.search(rf"^{VARIABLE}='?([^'\n]+)", (self.project.folder / ".env").read_text(), re.MULTILINE)
        assert found
        return found[1]

    def sql(self, text: str) -> str:
        return self.db.run(f"cd / && su postgres -s /bin/sh -c 'psql -At -d {NAME}' <<'END'\n{text}\nEND").stdout.strip()

    def port(self, server: Server) -> str:
        """Return whether a server reaches the database's port: "open" or "closed"."""
        program = f"import socket; socket.create_connection(('{self.db.address}', 5432), 3)"
        return "open" if server.run(f'python3 -c "{program}"', check=False).returncode == 0 else "closed"


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    project = Project(tmp_path_factory.mktemp("several"))
    write(project, WITH_TLS, **{"migrate.py": MIGRATION})
    site = Site([lab.server("setup") for _ in range(4)], project)
    site.configure()
    return site


def test_the_web_servers_are_refused_before_the_database_is_there(site: Site) -> None:
    result = site.project.fab("-H", site.web, "setup", "deploy")
    said = f"the password of the database on {site.db.name} is missing (services.clients)"
    assert result.status == 2 and said in result.stderr and f"`fab -H {site.db.name} setup` first" in result.stderr, result


def test_the_first_run_for_the_database_makes_the_password(site: Site) -> None:
    before = site.fab(site.db.name, "setup", "--dry-run")
    assert "open PostgreSQL to other servers" in before and not (site.project.folder / ".env").exists()
    output = site.fab(site.db.name, "setup")
    path = site.project.folder / ".env"
    assert f"{VARIABLE} is new" in output and site.password not in output + before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = site.fab(site.db.name, "setup", "deploy")
    assert again.count("nothing to change on") == 2, again
    assert site.db.run("ss -Hltn 'sport = :5432' | awk '{ print $4 }'").stdout.split() == [f"{site.db.address}:5432"]


def test_the_app_uses_it_from_both_servers_over_tls(site: Site) -> None:
    output = site.fab(f"{site.db.name},{site.web}", "setup", "deploy")
    assert asked(site.one, "/database") == WHO and asked(site.two, "/database") == WHO
    assert site.sql("select count(*) from migrated") == "1", "only one of them migrates it"
    assert site.password not in output
    with count_execs(site.one) as execs:
        again = site.fab(f"{site.db.name},{site.web}", "setup", "deploy")
    assert again.count("nothing to change on") == 2 and execs.count == 1, again


def test_the_password_is_in_no_place_that_others_can_read(site: Site) -> None:
    """The app's own user reads its environment. Root alone could read more."""
    password = site.password
    for server in (site.db, site.one):
        # In a file, because grep would find itself in the process list.
        server.run(f"echo '{password}' >/mnt/password")
        places = "/etc /srv /var/log /run/selvedge /tmp /home /root /proc/[0-9]*/cmdline"
        script = f"journalctl -q | grep -cF -f /mnt/password; grep -rlsF -f /mnt/password {places}"
        journal, *paths = server.run(script, check=False).stdout.split()
        server.run("rm /mnt/password")
        assert journal == "0" and all(re.fullmatch(rf"/srv/{NAME}/instances/[^/]+/env", each) for each in paths), paths
        assert len(paths) == (0 if server is site.db else 1)
    script = site.project.must("-H", f"{site.db.name},{site.web}", "setup", "deploy", "--script").stdout
    assert password not in script


def test_others_do_not_reach_it(site: Site) -> None:
    assert [site.port(server) for server in (site.one, site.two, site.other)] == ["open", "open", "closed"]
    with pytest.raises(OSError):
        socket.create_connection((site.db.address, 5432), 3)
    # Without the firewall, pg_hba.conf refuses them.
    site.db.run("ufw allow 5432/tcp >/dev/null")
    site.other.run("apt-get -qq install -y postgresql-client >/dev/null 2>&1")
    where = f"host={site.db.address} dbname={NAME} user={NAME} sslmode=%s"
    login = f"PGPASSWORD='{site.password}' psql -X -w '{where}' -c 'select 1' 2>&1"
    assert "no pg_hba.conf entry" in site.other.run(login % "require", check=False).stdout
    plain = site.one.run(login % "disable", check=False).stdout
    assert "no pg_hba.conf entry" in plain and "no encryption" in plain
    wrong = site.one.run(login.replace(site.password, "wrong") % "require", check=False).stdout
    assert "password authentication failed" in wrong
    superuser = login.replace(f"user={NAME}", "user=postgres").replace(f"dbname={NAME}", "dbname=postgres")
    assert "no pg_hba.conf entry" in site.one.run(superuser % "require", check=False).stdout
    site.db.run("ufw delete allow 5432/tcp >/dev/null")


def test_it_survives_a_reboot_and_a_new_server_key(site: Site) -> None:
    site.db.reboot()
    until(lambda: get(f"{site.one.url}/database").status == 200, 60, "PostgreSQL runs")
    answers(site, WHO)
    site.db.run("rm /etc/selvedge/postgres/server.pem")
    assert "make its certificate" in site.fab(site.db.name, "postgres")
    assert "replace the certificate of PostgreSQL" in site.fab(site.web, "postgres")
    site.fab(site.web, "restart")
    answers(site, WHO)
    # Another server in its place, which does not know the password, is not trusted.
    site.one.run(f"iptables -t nat -A OUTPUT -d {site.db.address} -p tcp --dport 5432 -j DNAT --to {site.other.address}")
    site.other.run(IMPOSTOR)
    result = site.project.fab("-H", site.one.name, "postgres")
    assert result.status == 1 and f"PostgreSQL on {site.db.name} refused the login of {NAME}" in result.stderr, result
    site.one.run("iptables -t nat -F OUTPUT")
    assert "nothing to change" in site.fab(site.one.name, "postgres")


def answers(site: Site, wanted: dict[str, str]) -> None:
    assert asked(site.one, "/database") == wanted and asked(site.two, "/database") == wanted


def test_a_new_password_is_everywhere_after_both_commands(site: Site) -> None:
    old = site.password
    new = "n3w:pass\\word@/?#%" + old
    (site.project.folder / ".env").write_text(f"{VARIABLE}='{new}'\n".replace("\\", "\\\\"))
    changed = site.fab(site.db.name, "postgres")
    assert f"set the password of the role {NAME}" in changed
    output = site.fab(site.web, "deploy")
    assert "DATABASE_URL changed" in output and old not in output
    answers(site, WHO)
    assert "nothing to change" in site.fab(f"{site.db.name},{site.web}", "deploy")


def test_a_lost_password_is_not_replaced(site: Site) -> None:
    path = site.project.folder / ".env"
    kept = path.read_text()
    path.unlink()
    result = site.project.fab("-H", site.db.name, "setup")
    assert result.status == 2 and f"PostgreSQL on {site.db.name} has a password for the other servers" in result.stderr, result
    path.write_text(kept)


def test_a_server_that_leaves_the_group_is_locked_out(site: Site) -> None:
    site.configure(members=[site.one])
    site.fab(site.db.name, "harden", "postgres")
    assert [site.port(server) for server in (site.one, site.two)] == ["open", "closed"]
    site.configure()
    site.fab(site.db.name, "harden", "postgres")


def test_the_database_is_backed_up_and_asked_on_its_own_server(site: Site) -> None:
    assert NAME in site.fab(site.db.name, "psql", "--command", "select current_user")
    result = site.project.fab("-H", site.one.name, "psql", "--command", "select 1")
    assert result.status == 2 and f"Run `fab -H {site.db.name} psql`" in result.stderr, result
    result = site.project.fab("-H", site.db.name, "nginx")
    assert result.status == 2 and "has only the database (services.clients)" in result.stderr, result
    assert site.fab(f"{site.db.name},{site.web}", "status")
    site.configure(text='[backup]\nto = "/var/backups/apps"\n')
    assert re.search(r"backup [0-9a-f]{8}: 0 files, 1 database", site.fab(site.db.name, "backup"))
    assert "nothing to change" in site.fab(site.db.name, "setup")
    site.configure()
    site.fab(site.db.name, "postgres")


def test_without_clients_nothing_is_left_open(site: Site) -> None:
    (site.project.folder / "own.env").write_text("DATABASE_URL='sqlite://'\n")
    site.configure(clients=False)
    site.fab(site.db.name, "harden", "postgres")
    left = site.db.run(
        f"ss -Hltn 'sport = :5432'; ls -d /etc/selvedge/postgres /etc/systemd/system/postgresql@.service.d 2>/dev/null; "
        f"grep -l {NAME} /etc/postgresql/*/main/pg_hba.conf; ls /etc/postgresql/*/main/conf.d; grep -c 5432 /etc/ufw/user.rules",
        check=False,
    ).stdout.split()
    assert left == ["50-selvedge.conf", "0"], left
    assert site.sql(f"select rolpassword is null from pg_authid where rolname = '{NAME}'") == "t"
    assert "nothing to change" in site.fab(site.db.name, "harden", "postgres")
    assert site.sql("select count(*) > 0 from migrated") == "t", "the data stay"


def test_the_removal_of_the_database_closes_it(site: Site) -> None:
    site.configure()
    site.fab(site.db.name, "setup")
    site.fab(site.db.name, "remove", "--yes", "--data")
    assert site.db.run(f"ss -Hltn 'sport = :5432'; grep -rl {NAME} /etc/postgresql", check=False).stdout == ""
