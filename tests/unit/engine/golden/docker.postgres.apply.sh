LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library disk

# … the library file

# … the library history

# … the library postgres

# … the library probe

# … the library service

# … the library sources

# … the library step

# … the library user

change_0() (
set -eu
postgres_install
)
change_1() (
set -eu
service_run 'enable --now' postgresql.service
)
change_2() (
set -eu
useradd --home-dir /srv/hello/shared --shell /usr/sbin/nologin --user-group --comment 'runs hello' --system --no-create-home -- hello
)
change_3() (
set -eu
postgres_settings <<'EOF'
# PostgreSQL for the apps of a server with 1920 MB of memory.
# Written by `fab postgres`; edit its template postgres/50-selvedge.conf.j2 instead. For your own settings, add a file whose name
# sorts after this one to the same folder.

# No TCP port: the apps connect to the socket in /run/postgresql.
listen_addresses = ''

# An eighth of the memory, because the apps need the rest.
shared_buffers = 240MB
# What the kernel and PostgreSQL together keep of the files. It reserves nothing.
effective_cache_size = 960MB
# For one VACUUM or CREATE INDEX.
maintenance_work_mem = 60MB
EOF
)
change_4() (
set -eu
app=hello
postgres_create
)
change_arm() (
set -eu
:
)
change_failed() {
:
}
step_app=hello
step_by=''
step_why=''
step_changes='0 1 2 3 4'
step_counted=0
step_start
