LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library apt

# … the library python

# change 0: install nginx, git, curl, ca-certificates, openssh-client, python3, python3-venv, logrotate, iproute2, supervisor
change_0() (
set -eu
apt_install nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor
)
# change 1: enable and start nginx
change_1() (
set -eu
systemctl enable --now nginx
:
)
# change 2: enable and start supervisor
change_2() (
set -eu
systemctl enable --now supervisor
:
)
# change 3: install uv into /opt/selvedge/uv
change_3() (
set -eu
tool_install uv 'uv>=0.9'
)
# change 4: install Python 3.12
change_4() (
set -eu
python_install 3.12 auto 'uv>=0.9'
)
run() {
  printf '%s begin %s\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then printf '%s done %s\n' "$mark" "$1"; return 0; fi
  printf '%s failed %s %s\n' "$mark" "$1" "$status"
  restore
}
main() {
  exec 9>/run/selvedge/hello.step
  if ! flock -n 9; then
    say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/hello.log"
  fi
  # Of a run that was killed: copies of what it changed, secrets among them.
  for left in /run/selvedge/hello.undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
  undo=$(mktemp -d /run/selvedge/hello.undo.XXXXXX) || fail "cannot write to /run/selvedge"
  :
  all
  status=$?
  if [ "$status" -ne 0 ]; then
    :
  fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  :
  # When the step ended, for a run that has read the server before that.
  : >/run/selvedge/hello.step
  return "$status"
}
all() {
  run 0
  [ "$status" -eq 0 ] || return 1
  run 1
  [ "$status" -eq 0 ] || return 1
  run 2
  [ "$status" -eq 0 ] || return 1
  run 3
  [ "$status" -eq 0 ] || return 1
  run 4
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
