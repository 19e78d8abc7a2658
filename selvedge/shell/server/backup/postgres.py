"""PostgreSQL databases of the app's role: found, dumped by the app's user over the unix socket, restored beside the live one."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from .dumps import Dump, dumped, file_name, write_dump
from .psql import address, environment, last_error, literal, name, port, psql_remedy
from .settings import REHEARSED, RESTORED, Failed, room, say, wait

ENDS = ("restored", "rehearsed", "replaced")
"""The ends of the names of databases that are being restored, and of those that they take the place of."""
LONGEST = 63
"""Bytes in a name. PostgreSQL cuts longer ones, so it would take another database for the one that is named."""
# Without the tables of extensions, which another version of them may fill differently.
COUNT = r"""
select format(
  'select json_build_object(''table'', %L, ''rows'', count(*)) from %I.%I;', nspname || '.' || relname, nspname, relname)
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind in ('r', 'p') and nspname not in ('pg_catalog', 'information_schema') and nspname not like 'pg\_%' and not exists (
  select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') order by 1 \gexec
"""
REVISIONS = """
select format('select json_build_object(''revision'', version_num) from %I.alembic_version order by version_num;', schemaname)
from pg_tables where tablename = 'alembic_version' \\gexec
"""
# In the order in which they were created: one may need another. The schema only if the extension has not created it.
EXTENSIONS = r"""
select json_build_object('extension', extname, 'schema', case when nspname not like 'pg\_%' and not exists (
  select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e') then nspname end)
from pg_extension e join pg_namespace n on n.oid = extnamespace where extname <> 'plpgsql' order by e.oid;
"""
# The columns have other names from one version to the next.
FORM = """
select format('encoding %L lc_collate %L lc_ctype %L', pg_encoding_to_char(encoding), datcollate, datctype)
  || case j ->> 'datlocprovider' when 'i' then ' locale_provider icu icu_locale '
  when 'b' then ' locale_provider builtin builtin_locale ' else '' end || case when j ->> 'datlocprovider' in ('i', 'b')
  then quote_literal(coalesce(j ->> 'datlocale', j ->> 'daticulocale')) else '' end
from pg_database d, to_jsonb(d) j where datname = """
USUAL_FORM = "encoding 'UTF8' locale 'C.UTF-8'"
# The dump has the rows that were added to these tables, and the app's role may not have created the extension.
OWN_ROWS = r"""
select format('{change} %I;', c.oid::regclass, {app}) from pg_extension, unnest(extconfig) each
join pg_class c on c.oid = each where pg_get_userbyid(relowner) <> {app} and relkind {kind} 'S' \gexec
"""


def beside(database, end):
    """Return the name of the database that belongs to another one. end: one of ENDS."""
    if len(f"{database}_{end}".encode()) <= LONGEST:
        return f"{database}_{end}"
    mark = hashlib.sha256(database.encode()).hexdigest()[:8]
    short = database.encode()[: LONGEST - len(f"_{mark}_{end}")].decode("utf-8", "ignore")
    return f"{short}_{mark}_{end}"


class Postgres:
    """The server on this machine. settings: those of the app, whose role has the app's name."""

    def __init__(self, settings):
        self.settings = settings

    def _psql(self, command, sql, database):
        words = [*command, "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", address(database)]
        variables = {**environment(), "PGCLIENTENCODING": "UTF8"}
        done = subprocess.run(words, input=sql.encode(), env=variables, capture_output=True, cwd="/", check=False)
        if done.returncode != 0:
            said = last_error(done.stderr, f"exit status {done.returncode}")
            raise Failed(f"PostgreSQL refused a command: {said}.", psql_remedy(said))
        return done.stdout.decode("utf-8", "replace").splitlines()

    def admin(self, sql, database="postgres"):
        """Run SQL as PostgreSQL's superuser; return the lines of its output. Raises Failed.

        No name in it is that of a function of the app, which the superuser would run.
        """
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        return self._psql(command, f"set search_path = pg_catalog, pg_temp;\n{sql}", database)

    def databases(self):
        """Return the databases that the app's role owns. Raises Failed if PostgreSQL is installed, but does not answer."""
        if not shutil.which("psql") or not port():
            return []
        owned = f"pg_get_userbyid(datdba) = {literal(self.settings.app)} and not datistemplate and datallowconn"
        found = self.admin(f"select json_build_array(datname, {owned}) from pg_database order by datname")
        named = dict(map(json.loads, found))
        # A restored one may have no live one yet.
        live = {*named, *(database for folder in (RESTORED, REHEARSED) for database in dumped(f"{folder}/copies"))}
        ours = {beside(database, end) for database in live for end in ENDS}
        return [database for database, is_owned in named.items() if is_owned and database not in ours]

    def dump(self, database, folder):
        """Dump a database into a file of a folder; return what is in it, as of the same moment."""
        words = self.settings.as_app("psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", address(database))
        target = f"{folder}/{file_name(database)}"
        about = f"select pg_database_size({literal(database)}), current_setting('server_version')"
        size, _, version = self.admin(about)[0].partition("|")
        variables = {**environment(), "PGCLIENTENCODING": "UTF8"}
        with tempfile.TemporaryFile() as errors:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
            session = subprocess.Popen(words, env=variables, cwd="/", **pipes)
            try:
                begin = "begin isolation level repeatable read read only;\nselect pg_export_snapshot();\n"
                (snapshot,) = self._ask(session, errors, begin)
                # First: it locks the tables, so that none is emptied or dropped before pg_dump has read it.
                content = self._content(self._ask(session, errors, COUNT + REVISIONS + EXTENSIONS))
                with open(target, "wb") as file:
                    os.fchmod(file.fileno(), 0o600)
                    dump = self.settings.as_app("pg_dump", "-wFc", f"--snapshot={snapshot}", "-d", address(database))
                    status, said = write_dump(database, dump, environment(), file)
                if status != 0:
                    raise self._not_dumped(database, last_error(said, f"exit status {status}"))
            finally:
                session.kill()
                session.communicate()
        form = self.admin(f"{FORM}{literal(database)}")[0]
        found = {"database": database, "size": os.stat(target).st_size, "restored": int(size), "version": version, "form": form}
        return {**found, **content}

    def _not_dumped(self, database, said):
        app = self.settings.app
        remedy = f"Try it on the server: `sudo -u {app} pg_dump -Fc {database} >/dev/null`."
        if "permission denied" in said:
            change = f"sudo -u postgres psql -d {database} -c 'alter table NAME owner to \"{app}\"'"
            remedy = f"Another role owns a part of the app's database. Give it to the app, on the server: `{change}`."
        if forced := re.search(r'row-level security policy for table "(.+)"', said):
            change = f"sudo -u {app} psql -d {database} -c 'alter table \"{forced[1]}\" no force row level security'"
            remedy = f"The table hides rows from its owner, who dumps it. Let its policies apply to other roles only: `{change}`. "
            remedy += f"If the app needs them, let it run its queries as such a role: `set role`, after `grant ROLE to \"{app}\"`."
        return Failed(f"pg_dump could not dump the database {database}: {said}.", remedy)

    def _ask(self, session, errors, sql):
        lines = []
        try:
            session.stdin.write(f"{sql}\\echo @end\n".encode())
            session.stdin.flush()
        except BrokenPipeError:
            pass  # It says why.
        for line in session.stdout:
            text = line.decode("utf-8", "replace").rstrip("\n")
            if text == "@end":
                return lines
            lines.append(text)
        errors.seek(0)
        problem = f"PostgreSQL ended the session: {last_error(errors.read(), 'without a word')}."
        denied = "permission denied" in problem
        raise Failed(problem, self._not_dumped("DATABASE", problem).remedy if denied else psql_remedy(problem))

    @staticmethod
    def _content(lines):
        rows = [json.loads(line) for line in lines]
        return {
            "tables": {row["table"]: row["rows"] for row in rows if "table" in row},
            "revisions": [row["revision"] for row in rows if "revision" in row],
            "extensions": [[row["extension"], row["schema"]] for row in rows if "extension" in row],
        }

    def examine(self, database):
        """Return a database's tables with their numbers of rows, alembic's revisions and the extensions."""
        return self._content(self._psql(self.settings.as_app(), COUNT + REVISIONS + EXTENSIONS, database))

    def check(self, was):
        """Raise Failed if this server cannot have the database. was: its record."""
        app = self.settings.app
        remedy = "Run `fab setup` first, which creates it ([services] postgres = true)."
        if not shutil.which("psql") or not port():
            raise Failed(f"The backup has the database {was['database']}, and this server has no PostgreSQL.", remedy)
        if not self.admin(f"select 1 from pg_roles where rolname = {literal(app)}"):
            raise Failed(f"PostgreSQL has no role {app} on this server.", remedy)
        room(self.admin("show data_directory")[0], was["restored"], f"The database {was['database']}")

    def restore(self, was, folder, end):
        """Restore a dump into a new database beside the live one; return what is in it. was: its record. Raises Failed."""
        database = was["database"]
        fresh = beside(database, end)
        self.check(was)
        dump = Dump(self.settings, f"{folder}/{file_name(database)}", was, environment())
        self.drop(database, end)
        wait(f"restoring the database {database}")
        self._create(fresh, was)
        self.admin(f"revoke connect, temporary on database {name(fresh)} from public")
        for extension, schema in was["extensions"]:
            self._add(extension, schema, fresh)
        self._own_rows("grant {} to", fresh)
        dump.restore(address(fresh))
        self._own_rows("revoke {} from", fresh)
        return self.examine(fresh)

    def _own_rows(self, change, fresh):
        """Grant the app's role to add rows to the tables of extensions, or revoke it."""
        for right, kind in (("insert on table %s", "<>"), ("update on sequence %s", "=")):
            self.admin(OWN_ROWS.format(change=change.format(right), app=literal(self.settings.app), kind=kind), fresh)

    def _create(self, fresh, was):
        """Create the database with the encoding and the locale of the live one, or of the one that was backed up."""
        live = self.admin(f"{FORM}{literal(was['database'])}")
        create = f"create database {name(fresh)} owner {name(self.settings.app)} template template0"
        try:
            self.admin(f"{create} {live[0] if live else was['form']}")
        except Failed as error:
            if live or "locale" not in str(error):
                raise
            say(f"{was['database']}: this server does not have its locale ({was['form']}), so it gets {USUAL_FORM}")
            self.admin(f"{create} {USUAL_FORM}")

    def _add(self, extension, schema, fresh):
        """Create an extension, by the app's role if it may: it then owns the extension, as it did before."""
        place = ""
        if schema is not None:
            self.admin(f"create schema if not exists {name(schema)} authorization {name(self.settings.app)}", fresh)
            place = f"schema {name(schema)}"
        create = f"create extension if not exists {name(extension)} {place} cascade"
        find = f"`apt-cache search postgresql | grep -i {extension}`"
        try:
            self._psql(self.settings.as_app(), create, fresh)
        except Failed:
            try:
                self.admin(create, fresh)
            except Failed as error:
                remedy = f"Install its package on the server: {find} finds it."
                raise Failed(f"The extension {extension} of the database is missing: {error}", remedy) from None

    def _exists(self, database):
        return bool(self.admin(f"select 1 from pg_database where datname = {literal(database)}"))

    def require(self, database):
        """Raise Failed if a restored database is missing."""
        if not self._exists(database):
            raise Failed(f"The restored database {database} is missing: someone has removed it.", "Run the same command again.")

    def swap(self, database):
        """Put the restored database in the place of the live one, in one step. Connections to the live one end."""
        fresh, old = beside(database, "restored"), beside(database, "replaced")
        self._owned(old)
        self.admin(f"drop database if exists {name(old)}")
        there = self._exists(database)
        away = f"alter database {name(database)} rename to {name(old)};" if there else ""
        self._rename(database, fresh, f"{away}\nalter database {name(fresh)} rename to {name(database)};")

    def swap_back(self, database):
        """Undo `swap`, unless the restored database is still beside the live one."""
        fresh, old = beside(database, "restored"), beside(database, "replaced")
        if self._exists(fresh):
            return
        there = self._exists(old)
        back = f"alter database {name(old)} rename to {name(database)};" if there else ""
        self._rename(database, fresh, f"alter database {name(database)} rename to {name(fresh)};\n{back}")

    def bring_back(self, database):
        """Put the database that `swap` has replaced in place again, and drop the restored one: its backup has it."""
        old = beside(database, "replaced")
        if not self._exists(old):
            return
        self._owned(old)
        self.admin(f"{self._terminate(database)}\ndrop database if exists {name(database)}")
        self.admin(f"{self._terminate(old)}\nalter database {name(old)} rename to {name(database)}")

    @staticmethod
    def _terminate(*databases):
        """Return SQL that ends all connections to databases."""
        listed = ", ".join(map(literal, databases))
        return f"select pg_terminate_backend(pid) from pg_stat_activity where datname in ({listed});"

    def _rename(self, database, fresh, sql):
        self.admin(f"{self._terminate(database, fresh)}\nbegin;\n{sql}\ncommit;")

    def configure(self, was, folder):
        """Give a restored database in place the settings and rights that `alter database` and `grant` had given it."""
        database = was["database"]
        sql = Dump(self.settings, f"{folder}/{file_name(database)}", was, environment()).properties()
        command = self.settings.as_app("psql", "-XAtqw", "-d", address(database))
        done = subprocess.run(command, input=sql, env=environment(), capture_output=True, cwd="/", check=False)
        for line in done.stderr.decode("utf-8", "replace").splitlines():
            if "ERROR:" in line:
                say(f"{database}: not restored: {line.partition('ERROR:')[2].strip()}")

    def drop(self, database, end):
        """Remove a database beside the live one."""
        fresh = beside(database, end)
        self._owned(fresh)
        self.admin(f"{self._terminate(fresh)}\ndrop database if exists {name(fresh)}")

    def _owned(self, database):
        """Raise Failed if a database exists and belongs to another role than the app's: a restore did not create it."""
        app = literal(self.settings.app)
        found = self.admin(f"select 1 from pg_database where datname = {literal(database)} and pg_get_userbyid(datdba) <> {app}")
        if found:
            problem = f"A restore needs the name {database}, and a database of another role has it."
            change = f"alter database {name(database)} rename to NEW"
            raise Failed(problem, f"Rename that one on the server: `sudo -u postgres psql -c '{change}'`.")
