LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library git

# … the library prune

# … the library manager

# … the library supervisor

# … the library systemd

# change 0: needs /usr/bin/git, which `fab install` makes
change_0() (
set -eu
fail '/usr/bin/git is not there yet: run `fab install` first, or `fab deploy`, which runs all steps'
)
# change 1: create user hello
change_1() (
set -eu
useradd --home-dir /srv/hello/shared --shell /usr/sbin/nologin --user-group --comment 'runs hello' --system --no-create-home -- hello
)
# change 2: create /srv/hello/
change_2() (
set -eu
install -d -m 00711 -o root -g root -- /srv/hello
)
# change 3: create /srv/hello/releases/
change_3() (
set -eu
install -d -m 00711 -o root -g root -- /srv/hello/releases
)
# change 4: create /srv/hello/shared/
change_4() (
set -eu
install -d -m 00710 -o hello -g www-data -- /srv/hello/shared
)
# change 5: create the mirror /srv/hello/repo.git
change_5() (
set -eu
rm -rf -- /srv/hello/repo.git
git init -q --bare -- /srv/hello/repo.git
chown root:root -- /srv/hello/repo.git
chmod 0700 -- /srv/hello/repo.git
)
# change 6: create /srv/hello/git_credentials
change_6() (
set -eu
head -c 41 <&3 | put /srv/hello/git_credentials 0600 root root 41
)
# change 7: fetch 0123456789ab from https://git.example.com/me/hello.git
change_7() (
set -eu
repo=/srv/hello/repo.git
url=https://git.example.com/me/hello.git
ref=0123456789abcdef0123456789abcdef01234567
deploy_key=/srv/hello/deploy_key
git_known_hosts=/srv/hello/git_known_hosts
git_credentials=/srv/hello/git_credentials
git_fetch
)
# change 8: check out /srv/hello/releases/0123456789ab
change_8() (
set -eu
app=hello
new=0123456789ab
base=/srv/hello
log_dir=/var/log/hello
supervisor_conf=/etc/supervisor/conf.d/hello.conf
keep=5
release=/srv/hello/releases/0123456789ab
repo=/srv/hello/repo.git
commit=0123456789abcdef0123456789abcdef01234567
group=hello
url=https://git.example.com/me/hello.git
deploy_key=/srv/hello/deploy_key
git_known_hosts=/srv/hello/git_known_hosts
git_credentials=/srv/hello/git_credentials
git_checkout
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
  run 5
  [ "$status" -eq 0 ] || return 1
  run 6
  [ "$status" -eq 0 ] || return 1
  run 7
  [ "$status" -eq 0 ] || return 1
  run 8
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
