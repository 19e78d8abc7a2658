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

# … the library checkout

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
step_fail '/usr/bin/git is missing.'
)
change_1() (
set -eu
useradd --home-dir /srv/hello/shared --shell /usr/sbin/nologin --user-group --comment 'runs hello' --system --no-create-home -- hello
)
change_2() (
set -eu
install -d -m 00711 -o root -g root -- /srv/hello
)
change_3() (
set -eu
install -d -m 00711 -o root -g root -- /srv/hello/releases
)
change_4() (
set -eu
install -d -m 00750 -o hello -g hello -- /srv/hello/shared
)
change_5() (
set -eu
rm -rf -- /srv/hello/repo.git
git init -q --bare -- /srv/hello/repo.git
chown root:root -- /srv/hello/repo.git
chmod 0700 -- /srv/hello/repo.git
)
change_6() (
set -eu
mkdir -p -- /srv/hello
rm -f -- /srv/hello/deploy_key.pub
ssh-keygen -q -t ed25519 -N '' -C hello@server -f /srv/hello/deploy_key
)
change_7() (
set -eu
git_take_host_key git.example.com 2222 /srv/hello/git_known_hosts
)
change_8() (
set -eu
repo=/srv/hello/repo.git
url=ssh://git@git.example.com:2222/me/hello.git
ref=0123456789abcdef0123456789abcdef01234567
deploy_key=/srv/hello/deploy_key
git_known_hosts=/srv/hello/git_known_hosts
git_credentials=/srv/hello/git_credentials
git_fetch
)
change_9() (
set -eu
app=hello
base=/srv/hello
log_dir=/var/log/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
repo=/srv/hello/repo.git
url=ssh://git@git.example.com:2222/me/hello.git
deploy_key=/srv/hello/deploy_key
git_known_hosts=/srv/hello/git_known_hosts
git_credentials=/srv/hello/git_credentials
new=0123456789ab
keep=5
checkout=/srv/hello/releases/0123456789ab
commit=0123456789abcdef0123456789abcdef01234567
group=hello
submodules=''
checkout_make
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
step_changes='0 1 2 3 4 5 6 7 8 9'
step_counted=0
step_start
