"""Wait until the databases and queues answer whose addresses are in the environment's variables. Argument: seconds.

Each time that it begins to wait, it prints for what. Exit status 1: one did not answer; the last line is "WHAT (VARIABLE)", a
tab, and why. It never prints a user or a password.
"""

import os
import re
import socket
import struct
import sys
import time
from urllib.parse import parse_qs, unquote

PORTS = {
    "postgres": 5432, "postgresql": 5432, "cockroachdb": 26257, "mysql": 3306, "mariadb": 3306, "mongodb": 27017,
    "redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379, "amqp": 5672, "amqps": 5671, "pyamqp": 5672, "nats": 4222,
}  # fmt: skip
# Host and port in variables of their own, such as POSTGRES_SERVER and POSTGRES_PORT. Other names, such as SMTP_HOST, say nothing.
PAIR = re.compile(
    r"(?:.*_)?(POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|MONGO|MONGODB|REDIS|VALKEY|RABBITMQ|DB|DATABASE)_?(HOST|HOSTNAME|SERVER)"
)
KINDS = {"pg": "postgres", "mongo": "mongodb", "rabbitmq": "amqp", "db": "", "database": ""}
# Celery's names for results in a database.
BEFORE = ("db", "sqla")
POSTGRES = ("postgres", "postgresql")
REDIS = ("redis", "valkey")
ADDRESS = re.compile(r"([a-z]+)((?:\+[a-z0-9_]+)*)://(?:[^:/@]*(?::[^@]*)?@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.I)
ATTEMPT = 3.0
"""Seconds for one attempt."""


class Service:
    """A service in a variable. places: (host, port) or the path of a socket; one that answers is enough."""

    def __init__(self, scheme, places, login):
        self.scheme, self.places, self.login = scheme, places, login

    def __str__(self):
        queue = "amqp" in self.scheme or self.scheme == "nats"
        kind = "Redis" if self.scheme in (*REDIS, "rediss", "valkeys") else "the queue" if queue else "the database"
        return kind + " " + ", ".join(map(shown, self.places))

    def silent(self, seconds):
        """Return why the service does not answer, "" if it does."""
        why = ""
        for place in self.places:
            try:
                with connected(place, seconds) as connection:
                    why = self.starting(connection)
            except OSError as error:
                why = error.strerror or str(error) or type(error).__name__
            if not why:
                return ""
        return why

    def starting(self, connection):
        """Return why a service that accepts connections cannot work yet. It is asked as its own clients ask it."""
        if self.scheme in POSTGRES:
            user, database = (word.encode() for word in self.login)
            body = struct.pack("!I", 196608) + b"user\0" + user + b"\0database\0" + database + b"\0\0"
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            # 57P03, cannot_connect_now: it starts, stops or recovers.
            return "the database system is starting up" if b"C57P03\0" in connection.recv(4096) else ""
        if self.scheme in REDIS:
            connection.sendall(b"PING\r\n")
            return "it is loading its data" if connection.recv(4096).startswith((b"-LOADING", b"-BUSY")) else ""
        return ""


def shown(place):
    """Return a place as in an address."""
    if isinstance(place, str):
        return place
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connected(place, seconds):
    """Return a connection. Raises OSError."""
    if not isinstance(place, str):
        return socket.create_connection(place, seconds)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        connection.connect(place)
    except OSError:
        connection.close()
        raise
    return connection


def parsed(name, value):
    """Return the service that a variable has the address of; None if it has none, or one that needs a lookup of its own."""
    found = ADDRESS.match(value)
    if not found or re.search(r"\s", value):
        return None
    scheme, more, authority, path, query = (part or "" for part in found.groups())
    scheme, more = scheme.lower(), more.lower()
    if scheme in BEFORE:
        scheme, _, more = more[1:].partition("+")
        more = f"+{more}" if more else ""
    if (scheme == "unix" and re.search("REDIS|VALKEY", name.upper())) or (scheme in REDIS and more == "+socket"):
        return Service("redis", [unquote(path)], ("", "")) if path.startswith("/") else None
    if scheme not in PORTS or more == "+srv":
        return None
    options = parse_qs(query)
    port = options.get("port", [""])[0] or str(PORTS[scheme])
    places = [place(each, port, scheme) for each in (options.get("host") or [authority.rpartition("@")[2]])[0].split(",")]
    if not all(places):
        return None
    user = unquote(value.partition("://")[2].partition("@")[0].partition(":")[0]) if "@" in value else ""
    user = options.get("user", [user])[0] or "postgres"
    return Service(scheme, places, (user, unquote(path.strip("/")) or user))


def paired(name, value, variables):
    """Return the service whose host is in this variable and whose port may be in one beside it; None if it names no host."""
    found = PAIR.fullmatch(name.upper())
    if not found:
        return None
    scheme = KINDS.get(found[1].lower(), found[1].lower())
    port = variables.get(f"{name[: -len(found[2])]}PORT") or str(PORTS.get(scheme, ""))
    where = place(value, port, scheme)
    return Service(scheme, [where], ("postgres", "postgres")) if where else None


def place(text, port, scheme):
    """Return the place of a host with or without a port, or of a folder with PostgreSQL's socket; None if it is neither."""
    host = unquote(text)
    if host.startswith("/"):
        return f"{host.rstrip('/')}/.s.PGSQL.{port}" if scheme in POSTGRES else host
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?", host)
    if not found or not (found[3] or port).isdigit() or int(found[3] or port) > 65535:
        return None
    return found[1] or found[2], int(found[3] or port)


def main(seconds):
    """Wait at most so many seconds for all services together. Return the exit status."""
    end = time.monotonic() + seconds
    for name, value in sorted(os.environ.items()):
        service = parsed(name, value) or paired(name, value, os.environ)
        told = False
        while service:
            why = service.silent(max(0.2, min(ATTEMPT, end - time.monotonic())))
            if not why:
                break
            if not told:
                print(service, flush=True)
                told = True
            if time.monotonic() >= end:
                print(f"{service} ({name})\t{why.rstrip('. ')}", flush=True)
                return 1
            time.sleep(0.3)
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
