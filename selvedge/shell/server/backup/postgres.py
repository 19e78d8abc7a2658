"""PostgreSQL databases of the app's role: found, dumped by the app's user over the unix socket, restored beside the live one."""

import glob
import json
import os
import shutil
import subprocess

from .settings import Failed, wait

SOCKETS = "/run/postgresql"
RESTORED, REPLACED = "_restored", "_replaced"
"""The ends of the names of a database that is being restored, and of the one that it takes the place of."""
COUNT = r"""
select format(
  'select json_build_object(''table'', %L, ''rows'', count(*)) from %I.%I;', schemaname || '.' || tablename, schemaname, tablename)
from pg_tables where schemaname not in ('pg_catalog', 'information_schema') and schemaname not like 'pg\_%' order by 1 \gexec
"""
REVISIONS = """
select format('select json_build_object(''revision'', version_num) from %I.alembic_version order by version_num;', schemaname)
from pg_tables where tablename = 'alembic_version' \\gexec
"""
FORM = """
select format('encoding %L lc_collate %L lc_ctype %L', pg_encoding_to_char(encoding), datcollate, datctype)
from pg_database where datname = """
EXTENSIONS = "select json_build_object('extension', extname) from pg_extension where extname <> 'plpgsql' order by extname;\n"


def environment():
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PGHOST": SOCKETS, "HOME": "/", "PGCONNECT_TIMEOUT": "15"}


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def name(text):
    return '"' + text.replace('"', '""') + '"'


class Postgres:
    """The server on this machine. settings: those of the app, whose role has the app's name."""

    def __init__(self, settings):
        self.settings = settings

    def _psql(self, command, sql, database):
        words = [*command, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database]
        done = subprocess.run(words, input=sql.encode(), env=environment(), capture_output=True, cwd="/", check=False)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit status {done.returncode}"]
            raise Failed(f"PostgreSQL refused a command: {said[0]}.", "Check it on the server: `sudo -u postgres psql -l`.")
        return done.stdout.decode("utf-8", "replace").splitlines()

    def admin(self, sql, database="postgres"):
        """Run SQL as PostgreSQL's superuser; return the lines of its output. Raises Failed."""
        return self._psql(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"], sql, database)

    def databases(self):
        """Return the databases that the app's role owns. Raises Failed if PostgreSQL is installed, but does not answer."""
        if not shutil.which("psql") or not glob.glob("/var/lib/postgresql/*/*/PG_VERSION"):
            return []
        sql = f"select datname from pg_database d join pg_roles r on r.oid = d.datdba where rolname = {literal(self.settings.app)}"
        found = self.admin(f"{sql} and not datistemplate order by 1")
        return [each for each in found if not each.endswith((RESTORED, REPLACED))]

    def beside(self, database):
        """Return the name of the database that a backup is restored into."""
        return f"{database}{RESTORED}"

    def dump(self, database, target):
        """Dump a database into a file; return what is in it, as of the same moment."""
        words = self.settings.as_app("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database)
        pipe = subprocess.PIPE
        session = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, env=environment(), cwd="/")
        try:
            begin = "begin isolation level repeatable read read only;\nselect pg_export_snapshot();\n"
            (snapshot,) = self._ask(session, begin) or [""]
            with open(target, "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                dump = self.settings.as_app("pg_dump", "-Fc", f"--snapshot={snapshot}", "-d", database)
                done = subprocess.run(dump, stdout=file, stderr=subprocess.PIPE, env=environment(), cwd="/", check=False)
            if done.returncode != 0:
                said = done.stderr.decode("utf-8", "replace").strip().splitlines()
                problem = f"pg_dump could not dump the database {database}: {said[-1] if said else done.returncode}."
                raise Failed(problem, f"Try it on the server: `sudo -u {self.settings.app} pg_dump -Fc {database} >/dev/null`.")
            content = self._content(self._ask(session, COUNT + REVISIONS + EXTENSIONS))
        finally:
            session.kill()
            session.wait()
        return {"database": database, "size": os.stat(target).st_size, **content}

    def _ask(self, session, sql):
        session.stdin.write(f"{sql}\\echo @end\n".encode())
        session.stdin.flush()
        lines = []
        for line in session.stdout:
            text = line.decode("utf-8", "replace").rstrip("\n")
            if text == "@end":
                return lines
            lines.append(text)
        said = next((line for line in lines if "ERROR" in line or "FATAL" in line), "without a word")
        problem = f"PostgreSQL ended the session: {said}."
        raise Failed(problem, "Check it on the server: `sudo -u postgres psql -l`.")

    @staticmethod
    def _content(lines):
        rows = [json.loads(line) for line in lines]
        return {
            "tables": {row["table"]: row["rows"] for row in rows if "table" in row},
            "revisions": [row["revision"] for row in rows if "revision" in row],
            "extensions": [row["extension"] for row in rows if "extension" in row],
        }

    def examine(self, database):
        """Return a database's tables with their numbers of rows, alembic's revisions and the extensions."""
        return self._content(self._psql(self.settings.as_app(), COUNT + REVISIONS + EXTENSIONS, database))

    def restore(self, database, dump, extensions):
        """Restore a dump into a new database beside the live one; return what is in it. Raises Failed."""
        fresh, app = self.beside(database), self.settings.app
        if not self.admin(f"select 1 from pg_roles where rolname = {literal(app)}"):
            remedy = "Run `fab setup` first, which creates it ([services] postgres = true)."
            raise Failed(f"PostgreSQL has no role {app} on this server.", remedy)
        self.drop(database)
        form = self.admin(f"{FORM}{literal(database)}")
        wait(f"restoring the database {database}")
        self.admin(f"create database {name(fresh)} owner {name(app)} template template0 {form[0] if form else ''}")
        self.admin(f"revoke connect, temporary on database {name(fresh)} from public")
        for extension in extensions:
            self.admin(f"create extension if not exists {name(extension)} cascade", fresh)
        # As the app's user: a dump may contain any function, and PostgreSQL's superuser would run it.
        listed = subprocess.run(["pg_restore", "-l", dump], capture_output=True, env=environment(), check=True)
        lines = listed.stdout.decode("utf-8", "replace").splitlines()
        kept = "".join(f"{line}\n" for line in lines if " EXTENSION " not in line and " SCHEMA - public " not in line)
        listing = f"{dump}.list"
        with open(listing, "w", encoding="utf-8") as file:
            file.write(kept)
            # pg_restore opens it again, as the app's user.
            os.fchown(file.fileno(), 0, self.settings.gid)
            os.fchmod(file.fileno(), 0o640)
        with open(dump, "rb") as source, open(listing, "rb") as contents:
            words = ["pg_restore", "--no-owner", "--exit-on-error", f"--use-list=/dev/fd/{contents.fileno()}", "-d", fresh]
            done = subprocess.run(
                self.settings.as_app(*words), stdin=source, stderr=subprocess.PIPE, env=environment(), cwd="/",
                pass_fds=(contents.fileno(),), check=False,
            )  # fmt: skip
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise Failed(f"pg_restore could not restore the database {database}: {said[-1] if said else done.returncode}.")
        return self.examine(fresh)

    def swap(self, database):
        """Put the restored database in the place of the live one, in one step. Connections to the live one end."""
        fresh, old = self.beside(database), f"{database}{REPLACED}"
        self.admin(f"drop database if exists {name(old)}")
        end = f"select pg_terminate_backend(pid) from pg_stat_activity where datname in ({literal(database)}, {literal(fresh)});"
        there = self.admin(f"select 1 from pg_database where datname = {literal(database)}")
        away = f"alter database {name(database)} rename to {name(old)};" if there else ""
        self.admin(f"{end}\nbegin;\n{away}\nalter database {name(fresh)} rename to {name(database)};\ncommit;")
        self.admin(f"drop database if exists {name(old)}")

    def drop(self, database):
        """Remove the restored database beside the live one."""
        fresh = self.beside(database)
        end = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = {literal(fresh)};"
        self.admin(f"{end}\ndrop database if exists {name(fresh)}")
