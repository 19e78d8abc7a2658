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

# … the library probe

# … the library service

# … the library sources

# … the library step

change_0() (
set -eu
apt_install nginx curl ca-certificates logrotate iproute2
)
change_1() (
set -eu
service_run 'enable --now' nginx
:
)
change_arm() (
set -eu
:
)
change_failed() {
:
}
step_app=hello.balancer
step_by=''
step_why=''
step_changes='0 1'
step_counted=0
step_start
