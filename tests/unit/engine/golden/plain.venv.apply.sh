LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library venv

# change 0: needs /srv/hello/releases/0123456789ab, which `fab clone` makes
change_0() (
set -eu
fail '/srv/hello/releases/0123456789ab is not there yet: run `fab clone` first, or `fab deploy`, which runs all steps'
)
# change 1: create /srv/hello/venvs/
change_1() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/venvs
)
# change 2: build the virtual environment
change_2() (
set -eu
release=/srv/hello/releases/0123456789ab
root=''
venvs=/srv/hello/venvs
python=/usr/bin/python3
uv=/opt/selvedge/uv/bin/uv
installer=pip
requirements=''
extras='gunicorn uvicorn-worker'
user=hello
request='/usr/bin/python3 pip - gunicorn uvicorn-worker'
venv_build
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
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
