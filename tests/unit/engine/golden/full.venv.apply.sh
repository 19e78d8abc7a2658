LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# change 0: needs /srv/hello/releases/0123456789ab, which `fab clone` makes
change_0() (
set -eu
fail '/srv/hello/releases/0123456789ab is not there yet: run `fab clone` first, or `fab deploy`, which runs all steps'
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
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library hook

# … the library venv

# change 0: run the hook before_build
change_0() (
set -eu
hook=before_build
user=hello
release=/srv/hello/releases/0123456789ab
folder=/srv/hello/releases/0123456789ab/backend
run=''
builds=1
mark_path=/srv/hello/releases/0123456789ab/.selvedge.before_build
hook_begin RELEASE=0123456789ab-2e3d8e COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server PREVIOUS=
hook_end
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
root=backend
venvs=/srv/hello/venvs
python=/opt/selvedge/python/3.12/bin/python3.12
uv=/opt/selvedge/uv/bin/uv
installer=uv
requirements=requirements/production.txt
extras='gunicorn uvicorn-worker'
user=hello
request='/opt/selvedge/python/3.12/bin/python3.12 uv requirements/production.txt gunicorn uvicorn-worker'
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
