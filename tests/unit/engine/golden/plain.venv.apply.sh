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
step_fail '/srv/hello/releases/0123456789ab is missing.'
)
change_1() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/venvs
)
change_2() (
set -eu
release=/srv/hello/releases/0123456789ab
root=''
repo=/srv/hello/repo.git
commit=0123456789abcdef0123456789abcdef01234567
venvs=/srv/hello/venvs
cache=/var/cache/selvedge/hello
interpreter=/usr/bin/python3
uv=/opt/selvedge/uv/bin/uv
installer=pip
requirements=''
extras='gunicorn uvicorn[standard] uvicorn-worker websockets'
user=hello
request='/usr/bin/python3 pip . - gunicorn uvicorn[standard] uvicorn-worker websockets'
app_python=''
python_from=auto
uv_requirement='uv>=0.11.12'
app_extras=''
app_groups=''
index_strategy=''
deploy_key=/srv/hello/deploy_key
git_known_hosts=/srv/hello/git_known_hosts
git_credentials=/srv/hello/git_credentials
build_env=/etc/selvedge/hello/build.env
pypi_mirror=''
python_mirror=''
venv_build
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
step_changes='0 1 2'
step_counted=0
step_start
