"""A server with a container engine, and stand-ins for the images of Docker Hub: tests reach no registry.

They are the server's own Debian with the names and the commands that the exports expect of python, nginx, postgres and redis.
"""

from __future__ import annotations

from sandbox import Server

ENGINE = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --yes --no-install-recommends docker.io docker-cli docker-buildx docker-compose \
  podman catatonit crun netavark nftables aardvark-dns \
  python3-pip python3-venv git nginx-light postgresql redis-server libpq5 >/dev/null 2>&1
systemctl disable --now nginx postgresql redis-server >/dev/null 2>&1 || :
"""
# The entry point of postgres makes the database, as that of Docker Hub's image does.
POSTGRES = r"""#!/bin/sh
set -eu
export PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data
mkdir -p "$PGDATA" /run/postgresql
chown -R postgres "$PGDATA" /run/postgresql
chmod 3777 /run/postgresql
as() { setpriv --reuid postgres --regid postgres --init-groups -- "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  as initdb -E UTF8 --locale C.UTF-8 --username "$POSTGRES_USER" --auth "$POSTGRES_HOST_AUTH_METHOD" >/dev/null
  as pg_ctl -w -o "-c listen_addresses=" start
  as createdb -h /run/postgresql -U "$POSTGRES_USER" "$POSTGRES_DB"
  as pg_ctl -w -m fast stop
fi
exec setpriv --reuid postgres --regid postgres --init-groups -- "$@"
"""
PYTHON = """FROM standin:1
RUN ln -sf python3 /usr/bin/python && ln -sf /usr/bin/pip3 /usr/local/bin/pip && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED \\
    && mkdir -p /tmp /var/tmp /root && chmod 1777 /tmp /var/tmp
ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
"""
DATABASE = """FROM standin:1
COPY --chmod=755 entrypoint /entrypoint
RUN mkdir -p /tmp /run/postgresql /var/lib/postgresql/data && ln -s /run /var/run && chmod 1777 /tmp
ENV PATH=/usr/lib/postgresql/17/bin:/usr/bin:/bin:/usr/sbin:/sbin
ENTRYPOINT ["/entrypoint"]
CMD ["postgres"]
"""
NGINX = """FROM standin:1
RUN mkdir -p /run /tmp /var/log/nginx /var/lib/nginx && chmod 1777 /tmp
CMD ["nginx", "-g", "daemon off;"]
"""
REDIS = """FROM standin:1
RUN mkdir -p /data /tmp && chmod 1777 /tmp
WORKDIR /data
CMD ["redis-server"]
"""
IMAGES = f"""
set -eu
work=$(mktemp -d)
cd /
tar -c --exclude='usr/bin/docker*' --exclude='usr/bin/containerd*' --exclude=usr/sbin/dockerd --exclude='usr/bin/podman*' \
  --exclude=usr/libexec/docker --exclude=usr/share/doc --exclude=usr/share/locale --exclude=usr/share/man \
  --exclude=etc/systemd --exclude=etc/ssh --exclude='etc/nginx/sites-enabled/*' \
  bin sbin lib lib64 usr etc | docker import - standin:1 >/dev/null
cd "$work"
build() {{ cat >Dockerfile && docker build --quiet --tag "$1" . >/dev/null; }}
cat >entrypoint <<'END'
{POSTGRES}END
build python:3.13-trixie <<'END'
{PYTHON}END
docker tag python:3.13-trixie python:3.13-slim-trixie
build postgres:17 <<'END'
{DATABASE}END
build nginx:stable <<'END'
{NGINX}END
build redis:8 <<'END'
{REDIS}END
rm -rf "$work"
"""


def install(server: Server) -> None:
    """Install Docker, Compose and podman on a server with Debian 13, and make the stand-ins."""
    server.run(ENGINE)
    server.run(IMAGES)
