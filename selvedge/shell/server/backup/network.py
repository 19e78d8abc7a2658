"""Other servers that use the app's databases ([services] clients). They must not reach half restored data, which only this server
knows of: meanwhile PostgreSQL rejects the app's role over the network, by the first line of pg_hba.conf. An app there gets the
error "pg_hba.conf rejects connection for host …". selvedge/shell/lib/postgresnet.sh writes the lines that let the servers in.
"""

import contextlib
import fcntl
import os
import re
import tempfile
import time

from .half import mark_whole
from .psql import literal
from .settings import Failed, flush, flush_folder

CLOSED = "# selvedge: a restore of {} is not finished"
"""The end of the line that rejects an app, the same as in postgresnet.sh and resources/databases/clients.py."""
LOCK = "/run/selvedge/postgres.hba"
"""Whoever changes pg_hba.conf holds it, also postgresnet.sh: the apps of a server share the file."""
# The file is read when a connection begins: those that are open stay.
TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where usename = {} and client_addr is not null"
# A line with a type is valid, also with an error: "hostssl record cannot match because SSL is disabled".
ERRORS = "select format('line %s: %s', line_number, error) from pg_hba_file_rules where error is not null and type is null"
LOADING = 0.5
"""Seconds in which PostgreSQL has read the file again."""


def close(postgres):
    """End the connections of the app's role from other servers, and let it connect from none. Raises Failed; `reopen` undoes it."""
    app = postgres.settings.app
    if not has_clients(app):
        return
    _rewrite(postgres, lambda text: f'host all "{app}" all reject {CLOSED.format(app)}\n{opened(text, app)}')
    postgres.admin(TERMINATE.format(literal(app)))


def reopen(postgres):
    """Undo `close`: all data is in place. Raises Failed."""
    if not has_clients(postgres.settings.app):
        return
    mark_whole()
    try:
        _rewrite(postgres, lambda text: opened(text, postgres.settings.app), only_changed=True)
    except Failed as error:
        remedy = f"{error.remedy} The data is whole: then let them in, `fab -H {postgres.settings.host_name} postgres`."
        raise Failed(f"PostgreSQL still rejects the other servers: {error}", remedy) from None


def opened(text, app):
    """Return the text of pg_hba.conf without the line that rejects the app."""
    return re.sub(rf"^.*{re.escape(CLOSED.format(app))}(\n|\Z)", "", text, flags=re.MULTILINE)


def has_clients(app):
    """Return whether other servers use the app's databases: a cluster has the app's settings for them."""
    return any(f"60-selvedge-{app}.conf" in files for _, _, files in os.walk("/etc/postgresql"))


def _rewrite(postgres, change, only_changed=False):
    """Change pg_hba.conf, and have PostgreSQL read it; nothing if no other server uses the databases.

    only_changed: PostgreSQL need not read a file that has nothing to change.
    """
    if not has_clients(postgres.settings.app):
        return
    path = postgres.admin("show hba_file")[0]
    try:
        with _locked():
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
                before = file.read()
            after = change(before)
            if after == before and only_changed:
                return
            _load(postgres, path, before, after)
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}.", "Check the disk of the server: `df -h /etc`.") from None
    time.sleep(LOADING)


@contextlib.contextmanager
def _locked():
    os.makedirs(os.path.dirname(LOCK), 0o700, exist_ok=True)
    with open(LOCK, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _load(postgres, path, before, after):
    """Replace the file's text, and have PostgreSQL read it. Raises Failed, and then the file has the text from before."""
    _replace(path, after)
    try:
        errors = postgres.admin(ERRORS)
        if errors:
            # It would keep the lines that it has, and say so only in its log.
            raise Failed(f"PostgreSQL cannot read its file {path}: {errors[0]}.", "Correct that line on the server.")
        postgres.admin("select pg_reload_conf()")
    except Failed:
        _replace(path, before)
        raise


def _replace(path, text):
    """Write a file, whole or not at all, with the owner and the mode that it has. The folder belongs to PostgreSQL's user."""
    # It may be a symbolic link, which stays one.
    path = os.path.realpath(path)
    about = os.stat(path)
    handle, fresh = tempfile.mkstemp(prefix=".selvedge.", dir=os.path.dirname(path))
    try:
        with open(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            os.fchown(handle, about.st_uid, about.st_gid)
            os.fchmod(handle, about.st_mode & 0o777)
            flush(file)
        os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        raise
    flush_folder(os.path.dirname(path))
