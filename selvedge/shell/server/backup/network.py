"""Other servers that use the app's databases ([services] clients). They must not reach half restored data, which only this server
knows of: meanwhile PostgreSQL rejects them, by lines above those that let them in (selvedge/shell/lib/postgresnet.sh). An app there
gets the error "pg_hba.conf rejects connection for host …".
"""

import os
import re
import time

from .settings import Failed

BEGIN = "# selvedge: the servers that use the database {}"
END = "# selvedge: end of {}"
"""The lines around those of an app in pg_hba.conf, the same as in postgresnet.sh."""
CLOSED = "# selvedge: a restore is not finished"
"""The end of each line that rejects a server."""
LOADING = 0.5
"""Seconds in which PostgreSQL has read the file again."""


def close(postgres):
    """Let no other server connect to the app's databases any longer. Raises Failed."""
    _rewrite(postgres, _closed)


def reopen(postgres):
    """Undo `close`. Raises Failed."""
    _rewrite(postgres, lambda lines: [line for line in lines if not line.endswith(CLOSED)])


def _rewrite(postgres, change):
    """Change the app's lines in pg_hba.conf, and have PostgreSQL read it; nothing without such lines."""
    if not has_clients(postgres.settings.app):
        return
    path = postgres.admin("show hba_file")[0]
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        before = file.read()
    after = changed(before, postgres.settings.app, change)
    if after == before:
        return
    try:
        _replace(path, after)
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}.", "Check the disk of the server: `df -h /etc`.") from None
    postgres.admin("select pg_reload_conf()")
    time.sleep(LOADING)


def has_clients(app):
    """Return whether other servers use the app's databases: a cluster has the app's settings for them."""
    return any(f"60-selvedge-{app}.conf" in files for _, _, files in os.walk("/etc/postgresql"))


def changed(text, app, change):
    """Return the text of pg_hba.conf with changed lines of the app."""
    block = re.compile(rf"(^{re.escape(BEGIN.format(app))}\n)(.*?)(^{re.escape(END.format(app))}$)", re.MULTILINE | re.DOTALL)
    return block.sub(lambda found: found[1] + "".join(f"{line}\n" for line in change(found[2].splitlines())) + found[3], text)


def _closed(lines):
    """Return the lines after those that reject the same servers: PostgreSQL takes the first one that fits."""
    letting = [line.split() for line in lines if line.startswith("hostssl ")]
    rejecting = [f"host {' '.join(words[1:-1])} reject {CLOSED}" for words in letting]
    return [*rejecting, *(line for line in lines if not line.endswith(CLOSED))]


def _replace(path, text):
    """Write a file, whole or not at all, with the owner and the mode that it has."""
    about = os.stat(path)
    with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
        os.chmod(file.fileno(), 0o600)
        file.write(text)
        os.chown(file.fileno(), about.st_uid, about.st_gid)
        os.chmod(file.fileno(), about.st_mode & 0o777)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)
