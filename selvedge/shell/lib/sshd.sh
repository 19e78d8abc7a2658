# sshd, its keys and its users. Reads $undo, the folder of the step (apply.sh).
# shellcheck disable=SC2154

# sshd_authorize USER: the keys on standard input are added to the user's authorized_keys; what stands there stays.
sshd_authorize() {
  ssh_home=$(getent passwd "$1" | cut -d : -f 6)
  [ -d "$ssh_home" ] || step_fail "the home of $1, $ssh_home, is not there"
  # As the user, so that a link in the home leads nowhere that the user could not write.
  # shellcheck disable=SC2016
  user_run "$1" sh -euc '
    umask 077
    mkdir -p -- "$1/.ssh"
    cd -- "$1/.ssh"
    touch authorized_keys
    fresh=$(mktemp "$(readlink -f authorized_keys).XXXXXX")
    { sed -e "\$a\\" authorized_keys && cat; } >"$fresh"
    chmod --reference=authorized_keys "$fresh"
    chmod go-w "$fresh" .
    mv -f -- "$fresh" "$(readlink -f authorized_keys)"
  ' sh "$ssh_home" || step_fail "cannot write $ssh_home/.ssh/authorized_keys as $1"
}

# sshd_host_key KIND BITS: a fresh key in the place of the old one; it counts from the next reload on.
sshd_host_key() {
  rm -f -- "$undo/host_key" "$undo/host_key.pub"
  ssh-keygen -q -t "$1" -b "$2" -N '' -C "root@$(uname -n)" -f "$undo/host_key"
  file_put "/etc/ssh/ssh_host_$1_key" 0600 root root <"$undo/host_key"
  file_put "/etc/ssh/ssh_host_$1_key.pub" 0644 root root <"$undo/host_key.pub"
  rm -f /var/lib/selvedge/loaded/sshd
}

sshd_include_first() {
  { printf '# What is said first counts.\n%s\n' "$1" && cat /etc/ssh/sshd_config; } >"$undo/sshd_config"
  file_put /etc/ssh/sshd_config "$(stat -c %a /etc/ssh/sshd_config)" root root <"$undo/sshd_config"
}

# Nobody's address (RFC 5737): what holds for it holds for everybody.
nobody=192.0.2.1

# sshd_login: of the login that we run in, the client's address, the server's and its port in $login_from, $login_to and
# $login_port. sudo takes the variable that says so away, but our ancestors have it.
sshd_login() {
  login=${SSH_CONNECTION:+SSH_CONNECTION=$SSH_CONNECTION}
  if [ -z "$login" ]; then
    login_pid=$PPID
    set --
    while [ "${login_pid:-0}" -gt 1 ]; do
      set -- "$@" "/proc/$login_pid/environ"
      read -r login <"/proc/$login_pid/stat" || break
      login=${login##*) ? }
      login_pid=${login%% *}
    done
    # Each ends with a NUL, which the shell drops; the nearest of them counts.
    login=$(grep -hzoas -m 1 '^SSH_CONNECTION=.*' "$@" 2>/dev/null) || true
  fi
  login=${login#SSH_CONNECTION=}
  # shellcheck disable=SC2086
  set -- ${login%%SSH_CONNECTION=*}
  login_from=${1:-$nobody} login_to=${3:-192.0.2.2} login_port=${4:-22}
}

# sshd_values USER ADDRESS PORT: what sshd would do with a login of USER from there.
sshd_values() {
  sshd -T -C "user=$1,host=$2,addr=${2%%%*},laddr=${login_to%%%*},lport=$3"
}

# sshd_read: the same for root, from where we came, once for all probes of a script, in $sshd_shown.
sshd_read() {
  if [ -z "${sshd_shown-}" ]; then
    sshd_login
    sshd_shown=$(sshd_values root "$login_from" "$login_port")
  fi
}

# sshd_lists USER: whom sshd lets in by name, and the groups of USER, where anybody is left out by them.
sshd_lists() {
  case $sshd_shown in
    *allowusers* | *denyusers* | *allowgroups* | *denygroups*)
      printf '%s\n' "$sshd_shown" | grep -E '^(allow|deny)(users|groups) '
      printf 'groups sudo %s\n' "$(id -Gn "$1" || echo "$1")"
      ;;
  esac
}

# sshd_logins USER…: "USER ADDRESS PORT", one a line: each of them at every port, from where we came and from anywhere.
sshd_logins() {
  for way_port in "$login_port" $(sshd_ports); do
    for way_user; do
      printf '%s %s %s\n' "$way_user" "$login_from" "$way_port" "$way_user" "$nobody" "$way_port"
    done
  done | sort -u
}

# sshd_fact PATH
sshd_fact() {
  sshd_read
  printf '\n--- loaded\n'
  loaded=
  read -r loaded </var/lib/selvedge/loaded/sshd
  printf '%s\n--- knows\n' "$loaded"
  ssh -Q kex
  printf '\n--- values\n%s\n' "$sshd_shown"
  printf '\n--- file\n'
  probe_path "$1" -
}

# sshd_sound: what a reload would load must be what runs, or a stranger's unfinished edit would come alive by ours.
sshd_sound() {
  mkdir -p /run/sshd
  sshd -t 2>"$undo/sshd" || step_fail "sshd's configuration is broken already, before anything was changed: $(head -n 1 "$undo/sshd")"
  probe_has ss && ! systemctl is-active -q ssh.socket || return 0
  sshd_read
  ports=$(sshd_ports)
  for live in $(ss -Hltnp | sed -n '/"sshd"/s/^[A-Z]* *[0-9]* *[0-9]* *[^ ]*:\([0-9]*\) .*/\1/p'); do
    ss -Hltn "sport = :$live" | grep -Eq ' (127\.|\[::1\])' && continue
    printf '%s\n' "$ports" | grep -qx "$live" || step_fail "sshd listens on port $live, but its configuration says $(printf '%s' "$ports" | xargs): somebody changed it and has not reloaded sshd. Do that first, or put the line back."
  done
}

# sshd_assert USER LINE…: each line is in force by `sshd -T`, for root, for USER and for whoever we are.
sshd_assert() {
  asserted_user=$1
  shift
  sshd -t 2>"$undo/sshd" || step_fail "sshd would not start with this: $(head -n 1 "$undo/sshd")"
  sshd_shown=
  sshd_read
  sshd_logins root "$asserted_user" "${SUDO_USER:-root}" | while read -r user from port; do
    sshd_values "$user" "$from" "$port" >"$undo/values"
    for line in "$@"; do
      grep -Fqx -- "$line" "$undo/values" || step_fail "sshd would say '$(grep -m 1 "^${line%% *} " "$undo/values")' for $user from $from at port $port and not '$line': a Match block or another file sets it. Look: grep -rn '${line%% *}' /etc/ssh/sshd_config /etc/ssh/sshd_config.d -i"
    done
  done
}

# sshd_reload STAMP: with sockets of systemd's, sshd cannot reload, but is free to restart: the sockets stay open, and so
# do the logins, which no stop of the service ends. Where it starts an sshd for each login there is nothing to do.
sshd_reload() {
  guard_touches sshd
  if systemctl is-active -q ssh.service; then
    if systemctl is-active -q ssh.socket; then systemctl restart ssh.service; else systemctl reload ssh.service; fi
  fi
  mkdir -p /var/lib/selvedge/loaded
  printf '%s\n' "$1" >/var/lib/selvedge/loaded/sshd
}

# sshd_ports: the ports that ssh answers on, one a line: those of systemd's socket, or else of sshd itself ($sshd_shown).
sshd_ports() {
  case $(probe_unit ssh.socket) in
    *ActiveState=active*) systemctl show -p Listen --value ssh.socket | sed -n 's/.*:\([0-9]*\) (Stream)$/\1/p' ;;
    *) printf '%s\n' "$sshd_shown" | sed -n 's/^listenaddress .*:\([0-9]*\)$/\1/p' ;;
  esac | sort -un
}
