"""Databases of PostgreSQL in a backup, and restored: what users have in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from selvedge.engine.script import script
from selvedge.shell.library import call
from tests.hosts.scripts.backups.cluster import Cluster
from tests.hosts.scripts.backups.machine import Machine

pytestmark = pytest.mark.thorough
MANY = """
create schema shop; create type shop.mood as enum ('good', 'bad');
create table shop.users (id int generated always as identity primary key, name text, mood shop.mood,
  up text generated always as (upper(name)) stored);
insert into shop.users (name, mood) values ('a', 'good'), ('b''s "x"', 'bad');
create table "Odd; name" (id serial, user_id int references shop.users);
insert into "Odd; name" (user_id) values (1), (2);
create table parts (at int) partition by range (at); create table parts_1 partition of parts for values from (0) to (9);
insert into parts values (1); create view seen as select count(*) n from shop.users;
create materialized view kept as select * from seen;
create function f() returns trigger language plpgsql as 'begin new.name := new.name; return new; end';
create trigger t before insert on shop.users for each row execute function f();
create unlogged table fast (x int); insert into fast values (1); create table empty (); select lo_from_bytea(0, 'large');
comment on table fast is 'a comment';
"""
MANY_SEEN = {
    "select name, up from shop.users order by id": "a|A\nb's \"x\"|B'S \"X\"",
    "select count(*) from \"Odd; name\"": "2",
    "insert into \"Odd; name\" (user_id) values (2) returning id": "3",
    "select n from kept": "2",
    "select convert_from(lo_get(oid), 'utf8') from pg_largeobject_metadata": "large",
    "select tableowner from pg_tables where schemaname = 'shop'": "hello",
    "select obj_description('fast'::regclass)": "a comment",
}
LONG = "n" * 63
ODD = ["a=b", "postgresql://x", "q\"u'o;te", "-rf", "../x", "line\nbreak", "%s"]


def round_trip(machine: Machine) -> str:
    """Take a backup, and restore it in place; return the output."""
    return machine.must("take", "manual") + machine.must("restore") + machine.must("swap")


def test_everything_comes_back(machine: Machine, cluster: Cluster) -> None:
    cluster.sql(MANY, role="hello")
    output = machine.must("take", "manual") + machine.must("rehearse")
    assert "hello: 6 tables, 7 rows, as recorded" in output
    cluster.sql("drop schema shop cascade; drop table fast", role="hello")
    output = machine.must("restore") + machine.must("swap")
    assert {query: cluster.sql(query, role="hello") for query in MANY_SEEN} == MANY_SEEN
    assert cluster.databases() == ["hello"] and machine.left() == []


def test_an_empty_database(machine: Machine, cluster: Cluster) -> None:
    assert "hello: 0 tables, 0 rows, as recorded" in round_trip(machine)
    assert cluster.databases() == ["hello"]


@pytest.mark.parametrize("names", [[LONG, LONG[:-1]], ["Ä" * 31 + "x"], ODD], ids=["long", "bytes", "odd"])
def test_any_name(machine: Machine, cluster: Cluster, names: list[str]) -> None:
    """PostgreSQL cuts a name after 63 bytes: the database beside the live one must have another name."""
    for name in names:
        cluster.database(name)
        cluster.sql(f"create table t (x int); insert into t values ({len(name)})", name, "hello")
    machine.must("take", "manual")
    for name in names:
        cluster.sql("insert into t values (0)", name, "hello")
    before = cluster.databases()
    machine.must("restore", "", "kept")
    assert len(cluster.databases()) == 2 * len(before)
    assert {name: cluster.sql("select count(*) from t", name) for name in names} == dict.fromkeys(names, "2"), "the live ones"
    machine.must("restore")
    machine.must("swap")
    found = {name: cluster.sql("select sum(x), count(*) from t", name) for name in names}
    assert found == {name: f"{len(name)}|1" for name in names}
    assert cluster.databases() == before


def test_limits_of_the_role_do_not_apply(machine: Machine, cluster: Cluster) -> None:
    cluster.sql("create table t (x int); insert into t select generate_series(1, 300000)", role="hello")
    cluster.sql("alter role hello set statement_timeout = '1ms'; alter role hello set default_transaction_read_only = on")
    assert "hello: 1 table, 300,000 rows, as recorded" in machine.must("take", "manual") + machine.must("rehearse")


def test_a_warning_at_each_login(machine: Machine, cluster: Cluster) -> None:
    """PostgreSQL warns so after an upgrade of the C library."""
    cluster.sql("create collation other (locale = 'C.UTF-8'); create table t (x text)", role="hello")
    cluster.sql("update pg_database set datcollate = 'C.utf8', datcollversion = '1.0' where datname = 'hello'")
    output = machine.must("take", "manual")
    assert "backup" in output and "Traceback" not in output
    machine.must("rehearse")


class TestExtensions:
    def test_one_of_a_superuser_in_a_schema_of_its_own(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create schema extensions; create extension pg_stat_statements schema extensions")
        cluster.sql("create extension hstore schema extensions; grant all on schema extensions to hello")
        cluster.sql("create table t (x extensions.hstore); insert into t values ('a=>1')", role="hello")
        round_trip(machine)
        assert cluster.sql("select x from t") == '"a"=>"1"'
        places = "select extname, extnamespace::regnamespace from pg_extension where extname <> 'plpgsql' order by 1"
        assert cluster.sql(places) == "hstore|extensions\npg_stat_statements|extensions"

    def test_a_trusted_one_belongs_to_the_app_again(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create extension citext; create table t (x citext)", role="hello")
        cluster.sql("create schema geo; create extension earthdistance schema geo cascade")
        round_trip(machine)
        cluster.sql("drop extension citext cascade", role="hello")
        assert cluster.sql("select extnamespace::regnamespace from pg_extension where extname = 'cube'") == "geo"

    def test_one_with_rows_of_its_own(self, machine: Machine, cluster: Cluster) -> None:
        """As PostGIS has them: its table belongs to the superuser, and pg_dump saves the rows that were added."""
        folder = next(Path("/usr/share/postgresql").glob("*/extension"))
        script = "create table systems (id int); grant select on systems to public; insert into systems values (1);\n"
        paths = [folder / "selvedgetest.control", folder / "selvedgetest--1.sql"]
        try:
            paths[0].write_text("default_version = '1'\nrelocatable = true\nsuperuser = true\n")
            paths[1].write_text(f"{script}select pg_catalog.pg_extension_config_dump('systems', 'where id > 1');\n")
            cluster.sql("create extension selvedgetest; insert into systems values (7)")
            round_trip(machine)
            assert cluster.sql("select id from systems order by 1") == "1\n7"
            assert cluster.sql("select has_table_privilege('hello', 'systems', 'insert')") == "f"
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        machine.must("take", "manual")
        status, output = machine.run("rehearse")
        assert status == 1 and "The extension selvedgetest of the database is missing" in output
        assert "@ remedy Install its package on the server" in output
        assert "is missing" in (machine.folder / "state/unrehearsed").read_text()
        assert cluster.databases() == ["hello"] and machine.left() == []


class TestRolesAndRights:
    def test_rights_of_a_role_that_is_gone(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create role reader login")
        cluster.sql("create table t (x int); insert into t values (1); grant select on t to reader", role="hello")
        cluster.sql("alter default privileges in schema public grant select on tables to reader", role="hello")
        cluster.sql("create policy p on t to reader using (true); alter table t enable row level security", role="hello")
        machine.must("take", "manual")
        cluster.sql("drop owned by reader; drop role reader")
        output = machine.must("restore") + machine.must("swap")
        assert output.count('@ say hello: not restored: role "reader" does not exist') >= 1
        assert cluster.sql("select count(*) from t", role="hello") == "1"

    def test_rights_and_settings_of_the_database_itself(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create role reader login; revoke all on database hello from public; grant connect on database hello to reader")
        cluster.sql("alter database hello set search_path = shop, public; alter database hello set timezone = 'Asia/Tokyo'")
        cluster.sql("create schema shop; create table shop.t (x int); grant usage on schema shop to reader", role="hello")
        cluster.sql("grant select on shop.t to reader", role="hello")
        round_trip(machine)
        assert cluster.sql("show timezone; show search_path", role="reader") == "Asia/Tokyo\nshop, public"
        assert cluster.sql("select has_database_privilege('public', 'hello', 'connect')") == "f"
        cluster.sql("select * from t", role="reader")

    def test_a_table_of_another_role(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create table theirs (x int)")
        status, output = machine.run("take", "manual")
        assert status == 1 and "permission denied for table theirs" in output
        assert "@ remedy Another role owns a part of the app's database." in output

    def test_a_table_that_hides_rows_from_its_owner(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create table t (x int); insert into t values (1), (2)", role="hello")
        cluster.sql("alter table t enable row level security, force row level security", role="hello")
        status, output = machine.run("take", "manual")
        assert status == 1 and 'query would be affected by row-level security policy for table "t".' in output
        change = "alter table \"t\" no force row level security"
        assert f"`sudo -u hello psql -d hello -c '{change}'`" in output
        cluster.sql(change, role="hello")
        assert "hello: 1 table, 2 rows, as recorded" in machine.must("take", "manual") + machine.must("rehearse")

    def test_objects_of_a_superuser(self, machine: Machine, cluster: Cluster) -> None:
        cluster.sql("create table t (x int)", role="hello")
        cluster.sql("create function e() returns event_trigger language plpgsql as 'begin end'")
        cluster.sql("create event trigger e on ddl_command_start execute function e(); create publication p for all tables")
        output = round_trip(machine)
        assert 'not restored: permission denied to create event trigger "e"' in output


def test_the_form_of_a_database_that_the_server_has_lost(machine: Machine, cluster: Cluster) -> None:
    cluster.database("second", form="encoding 'LATIN1' locale 'C'")
    cluster.sql("create table \"Ä\" (x text); insert into \"Ä\" values ('ö')", "second", "hello")
    machine.must("take", "manual")
    cluster.sql("drop database second")
    machine.must("restore")
    machine.must("swap")
    assert cluster.sql("select pg_encoding_to_char(encoding), datcollate from pg_database where datname = 'second'") == "LATIN1|C"
    assert cluster.sql('select x from "Ä"', "second") == "ö"


def test_a_locale_that_the_server_does_not_have(machine: Machine, cluster: Cluster) -> None:
    machine.must("take", "manual")
    cluster.sql("drop database hello", "postgres")
    program = machine.folder / "program/backup/postgres.py"
    program.write_text(program.read_text().replace("{live[0] if live else was['form']}", "encoding 'UTF8' locale 'xx_XX'"))
    assert "so it gets encoding 'UTF8' locale 'C.UTF-8'" in machine.must("restore")
    assert cluster.databases() == ["hello_restored"]


def test_a_dump_of_a_newer_version(machine: Machine, cluster: Cluster) -> None:
    machine.must("take", "manual")
    refuse = "pg_restore: error: unsupported version (1.99) in file header"
    machine.server.program("pg_restore", f"echo '{refuse}' >&2; exit 1")
    status, output = machine.run("restore")
    assert status == 1 and f"cannot read the dump of the database hello: {refuse}." in output
    assert "It was dumped by PostgreSQL 1" in output and cluster.databases() == ["hello"] and machine.left() == []


def test_a_server_without_postgresql(machine: Machine, cluster: Cluster) -> None:
    machine.must("take", "manual")
    machine.server.path("/run/postgresql").unlink()
    status, output = machine.run("restore")
    assert status == 1 and "@ error The backup has the database hello, and this server has no PostgreSQL." in output
    assert cluster.databases() == ["hello"] and machine.left() == []


def test_another_cluster_that_the_app_does_not_use(machine: Machine) -> None:
    """Its port is another one, and it is off: by mistake, or because its administrator wants that."""
    folder = machine.server.path("/etc/postgresql/15/main")
    folder.mkdir(parents=True)
    (folder / "postgresql.conf").write_text("port = 5433 # (change requires restart)\n")
    status, output = machine.run("take", "manual")
    assert status == 1 and "/run/postgresql/.s.PGSQL.5433" in output
    (folder / "start.conf").write_text("# auto, manual or disabled\nmanual\n")
    machine.must("take", "manual")


def test_a_removal_takes_the_databases_of_restores_along(machine: Machine, cluster: Cluster) -> None:
    machine.must("take", "manual")
    machine.must("restore", "", "kept")
    cluster.database("others", owner="postgres")
    assert cluster.databases() == ["hello", "hello_restored", "others"]
    machine.server.path("/etc/postgresql").mkdir()
    cluster.database("reports\nof 2026")
    done = machine.server.run(script(call("postgres_others", app="hello"), mark="@"))
    assert done.stdout == b"other reports of 2026\n", done
    cluster.sql('drop database "reports\nof 2026"', "postgres")
    assert machine.server.run(script(call("postgres_others", app="hello"), mark="@")).stdout == b""
    done = machine.server.run(script(call("postgres_drop", app="hello"), mark="@"))
    assert cluster.databases() == ["others"], done
    assert cluster.sql("select 1 from pg_roles where rolname = 'hello'", "postgres") == ""


def test_a_broken_database_is_replaced(machine: Machine, cluster: Cluster) -> None:
    cluster.sql("create table t (x int); insert into t values (1)", role="hello")
    machine.must("take", "manual")
    cluster.sql("alter table t owner to postgres; delete from t")
    machine.must("restore")
    output = machine.must("swap")
    assert "was taken, but pg_dump could not dump the database hello: " in output or "permission denied for table t" in output
    assert "@ say the present database hello is there as hello_replaced until the next restore" in output
    assert cluster.sql("select count(*) from t", role="hello") == "1"
    assert cluster.sql("select count(*) from t", "hello_replaced") == "0"
    machine.must("take", "manual")
    machine.must("restore")
    machine.must("swap")
    assert cluster.databases() == ["hello"]


def test_a_restore_that_fails_half_way_is_undone(machine: Machine, cluster: Cluster) -> None:
    cluster.database("second")
    machine.write("file", "old")
    for name in ("hello", "second"):
        cluster.sql("create table t (x int)", name, "hello")
    machine.must("take", "manual")
    machine.write("file", "new")
    for name in ("hello", "second"):
        cluster.sql("insert into t values (1)", name, "hello")
    machine.must("restore")
    cluster.sql("drop database second_restored")
    status, output = machine.run("swap")
    assert status == 1 and "second_restored" in output
    assert [cluster.sql("select count(*) from t", name) for name in ("hello", "second")] == ["1", "1"]
    assert (machine.data / "file").read_text() == "new"


def test_a_dump_does_not_fill_the_disk(machine: Machine, cluster: Cluster) -> None:
    """It is often that of PostgreSQL itself, which would stop."""
    cluster.sql("create table t (x int)", role="hello")
    small = "mkdir /root/small && mount -t tmpfs -o size=40m x /root/small && cp -a /srv/. /root/small"
    small += " && mount --bind /root/small /srv"
    assert machine.server.run(small).returncode == 0
    grow = "for part in $(seq 200); do head -c 500000 /dev/zero; sleep 0.05; done"
    machine.server.program("pg_dump", grow)
    status, output = machine.run("take", "scheduled")
    assert status == 1 and "@ error The dump of the database hello has " in output, output
    assert "MB so far, and the disk is almost full, so it was stopped.\n" in output
    # What is small may use the reserve. The `head` of the program above may still hold its part of the dump.
    fill = "for i in $(seq 100); do head -c 37500000 /dev/zero >/srv/most && exit 0; sleep 0.1; done; exit 1"
    assert machine.server.run(f"rm /usr/local/sbin/pg_dump; {fill}").returncode == 0
    machine.must("take", "scheduled")
    assert machine.left() == []


def test_other_servers_are_rejected_until_a_restore_is_finished(machine: Machine, cluster: Cluster) -> None:
    hba, log = cluster.folder / "data/pg_hba.conf", cluster.folder / "log"
    usual = hba.read_text()
    own = "# selvedge: the servers that use the database hello\nhostssl hello hello 10.0.0.2/32 scram-sha-256\n"
    own += "# selvedge: end of hello\n"
    clients = machine.server.path("/etc/postgresql/15/main/conf.d/60-selvedge-hello.conf")
    clients.parent.mkdir(parents=True)
    clients.touch()
    hba.write_text(own + usual)
    # The program sees what is outside of its server's folders, but cannot write there.
    writable = f"mount --bind {hba.parent} {hba.parent} && mount -o remount,bind,rw {hba.parent}"
    assert machine.server.run(writable).returncode == 0
    try:
        cluster.sql("create table t (x int)", role="hello")
        machine.must("take", "manual")
        machine.must("restore")
        cluster.sql("drop database hello_restored")
        status, output = machine.run("swap")
        assert status == 1 and hba.read_text() == own + usual, output
        assert log.read_text().count("reloading configuration files") == 2, output
        machine.must("restore")
        machine.must("swap")
        assert hba.read_text() == own + usual and log.read_text().count("reloading configuration files") == 4
        assert (hba.owner(), hba.stat().st_mode & 0o777) == ("postgres", 0o600)
        # PostgreSQL would not load the file, and not say so: nothing is replaced.
        hba.write_text(f"{own}{usual}host all all all scam\n")
        machine.must("restore")
        status, output = machine.run("swap")
        assert status == 1 and "pg_hba.conf: line " in output and 'invalid authentication method "scam".\n' in output
        assert hba.read_text() == f"{own}{usual}host all all all scam\n" and not (machine.folder / "state/half-restored").exists()
        # The swap is killed: the first line that fits rejects the app.
        hba.write_text(f"host all all all trust\n{own}{usual}")
        path = machine.folder / "program/backup/swapping.py"
        before = "        replace_files("
        path.write_text(path.read_text().replace(before, f"        os.kill(os.getpid(), 9)\n{before}", 1))
        assert machine.run("swap")[0] != 0 and (machine.folder / "state/half-restored").exists()
        first = "select type, database, user_name, address, auth_method, error from pg_hba_file_rules limit 1"
        assert cluster.sql(first) == "host|{all}|{hello}|all|reject|"
    finally:
        hba.write_text(usual)
