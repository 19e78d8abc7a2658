"""How to call psql and the like: variables, names, and what they say about a failure."""

import glob
import os
import re

SOCKETS = "/run/postgresql"
PORT = "5432"


def environment():
    """Return the variables of psql and the like: no limit of the role applies to a backup."""
    limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "default_transaction_read_only")
    return {
        "PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PGHOST": SOCKETS, "PGPORT": port(), "HOME": "/",
        "PGCONNECT_TIMEOUT": "15", "PGOPTIONS": " ".join(f"-c {limit}=0" for limit in limits),
    }  # fmt: skip


def ports():
    """Return the ports of the clusters that run, or that start with the server (postgresql-common)."""
    found = {path.rpartition(".")[2] for path in glob.glob(f"{SOCKETS}/.s.PGSQL.*") if not path.endswith(".lock")}
    return found | set(clusters())


def clusters():
    """Return the units of the clusters that start with the server, by their ports."""
    found = {}
    for path in glob.glob("/etc/postgresql/*/*/postgresql.conf"):
        if not starts(os.path.dirname(path)):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            set_there = re.findall(r"^\s*port\s*=?\s*'?(\d+)", file.read(), re.MULTILINE)
        version, name = path.split("/")[3:5]
        found[set_there[-1] if set_there else PORT] = f"postgresql@{version}-{name}"
    return found


def starts(folder):
    """Return whether a cluster starts with the server: its administrator may have turned it off."""
    try:
        with open(f"{folder}/start.conf", encoding="utf-8", errors="replace") as file:
            return not re.search(r"^\s*(manual|disabled)", file.read(), re.MULTILINE)
    except FileNotFoundError:
        return True


def port():
    """Return the port of the cluster that the apps use, "" if there is no PostgreSQL."""
    found = ports()
    return PORT if PORT in found else min(found, default="")


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def name(text):
    return '"' + text.replace('"', '""') + '"'


def address(database):
    """Return a connection string: programs take a name with "=" for one."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def psql_remedy(said):
    """Return what to do about an error of psql."""
    if re.search(r"(connection|connect) to server.*: (No such file|Connection refused)", said):
        # postgresql.service is active even if its cluster is not.
        return f"Start PostgreSQL on the server: `sudo systemctl start {clusters().get(port(), 'postgresql')}`."
    return "Check it on the server: `sudo -u postgres psql -l`."


def last_error(said, otherwise):
    """Return the first error in the output of a program of PostgreSQL, without warnings such as that of a new C library.

    That of the server comes first: pg_dump says before it only which table it has read.
    """
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    found = [line for pattern in (r"ERROR|FATAL", r"error:") for line in lines if re.search(pattern, line)]
    return next(iter(found or lines[-1:]), str(otherwise))
