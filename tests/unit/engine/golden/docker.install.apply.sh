LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library appserver

# … the library apt

# … the library build

# … the library clock

# … the library disk

# … the library docker

# … the library dockerengine

# … the library dockerunit

# … the library export

# … the library file

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library history

# … the library hypercorn

# … the library image

# … the library index

# … the library instance

# … the library limit

# … the library manager

# … the library mirror

# … the library orphan

# … the library package

# … the library parent

# … the library pip

# … the library probe

# … the library processes

# … the library project

# … the library prune

# … the library python

# … the library releases

# … the library restoring

# … the library rpc

# … the library service

# … the library sources

# … the library stamp

# … the library step

# … the library supervisor

# … the library supervisorunit

# … the library survey

# … the library systemd

# … the library systemdunit

# … the library timers

# … the library unit

# … the library user

# … the library uv

# … the library uvicorn

# … the library venv

change_before() (
set -eu
stamp_remove docker
)
change_0() (
set -eu
apt_install nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 busybox-static
)
change_1() (
set -eu
service_run 'enable --now' nginx
:
)
change_2() (
set -eu
install -d -m 00755 -o root -g root -- /etc/docker
)
change_3() (
set -eu
file_put /etc/docker/daemon.json 0644 root root <<'EOF'
{
  "ip": "127.0.0.1",
  "live-restore": true
}
EOF
)
change_4() (
set -eu
file_put /etc/systemd/system/docker.service.d/50-selvedge.conf 0644 root root <<'EOF'
# All containers log as this service. By default, journald drops the lines of a service that come after the first 10,000 in 30 seconds.
# A value of 0 does not turn that off: systemd then passes no limit on, and journald takes its default.
# Written by `fab install`; edit its template docker/docker.conf.j2 instead.
[Service]
LogRateLimitIntervalSec=1s
LogRateLimitBurst=10000000
EOF
)
change_5() (
set -eu
dockerengine_install
)
change_6() (
set -eu
if systemctl is-active -q docker; then
dockerengine_load
fi
service_run 'enable --now' docker
stamp_write docker a838df32d29ade7e1b50fac1c53392f3648f8cec519ca510456ed9e82f237b49
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
step_changes='before 0 1 2 3 4 5 6'
step_counted=0
step_start
