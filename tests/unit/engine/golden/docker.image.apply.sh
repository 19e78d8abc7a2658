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

# … the library dockerunit

# … the library export

# … the library file

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library history

# … the library hook

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

change_0() (
set -eu
step_fail '/usr/bin/docker is missing.'
)
change_1() (
set -eu
step_fail '/srv/hello/releases/0123456789ab is missing.'
)
change_2() (
set -eu
head -c 38 <&3 | file_put /etc/selvedge/hello/build.env 0600 root root 38
)
change_3() (
set -eu
app=hello
base=/srv/hello
new=0123456789ab-ba359f
hook=before_build
user=hello
release=/srv/hello/releases/0123456789ab
folder=/srv/hello/releases/0123456789ab/backend
run=''
build_env=/etc/selvedge/hello/build.env
mark_path=/srv/hello/releases/0123456789ab/.selvedge-before_build
mark_text=88e6894eb7f6d21f
hook_build 5 RELEASE=0123456789ab-ba359f COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server ACTION=deploy PREVIOUS= 'make assets'
)
change_4() (
set -eu
install -d -m 00700 -o root -g root -- /srv/hello/images
)
change_5() (
set -eu
app=hello
base=/srv/hello
log_dir=/var/log/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
repo=/srv/hello/repo.git
new=0123456789ab
keep=5
release=/srv/hello/releases/0123456789ab
folder=/srv/hello/releases/0123456789ab/backend
commit=0123456789abcdef0123456789abcdef01234567
dockerfile=Dockerfile
image=hello:0123456789ab.77cebf
mark_path=/srv/hello/images/0123456789ab
request='backend gunicorn uvicorn_worker'
modules='gunicorn uvicorn_worker'
module=main:app
migrate='alembic upgrade head'
server=gunicorn
build_env=/etc/selvedge/hello/build.env
build_digest=''
user=hello
image_build
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
step_changes='0 1 2 3 4 5'
step_counted=0
step_start
