# sshd: its settings, its keys, and whom it lets in. Reads $undo, the folder of the step (step.sh).
# Shared: login_from login_to login_port sshd_shown
# shellcheck disable=SC2154

# An address that no client has (RFC 5737): settings that apply to it apply to every address.
sshd_any_client=192.0.2.1

# sshd_keys_fact USER: the mode and owner of the user's .ssh and of its authorized_keys, then the keys.
sshd_keys_fact() {
  local folder
  folder=$(getent passwd "$1")
  folder=${folder%:*}
  folder=${folder##*:}/.ssh
  stat -c '%a %U' "$folder" 2>/dev/null || echo absent
  stat -L -c '%a %U' "$folder/authorized_keys" 2>/dev/null || echo absent
  cat "$folder/authorized_keys" 2>/dev/null || true
}

# sshd_authorize USER: add the keys on standard input to the user's authorized_keys; its other keys stay.
sshd_authorize() {
  local home
  home=$(getent passwd "$1" | cut -d : -f 6)
  [ -d "$home" ] || step_fail "The home folder of $1 is missing: $home. Create it on the server: \`sudo mkhomedir_helper $1\`."
  # As the user, so that a link in the home leads nowhere that the user could not write.
  # shellcheck disable=SC2016
  step_try user_run "$1" sh -euc '
    umask 077
    mkdir -p -- "$1/.ssh"
    cd -- "$1/.ssh"
    touch authorized_keys
    fresh=$(mktemp "$(readlink -f authorized_keys).XXXXXX")
    { sed -e "\$a\\" authorized_keys && cat; } >"$fresh"
    chmod --reference=authorized_keys "$fresh"
    chmod go-w "$fresh" .
    mv -f -- "$fresh" "$(readlink -f authorized_keys)"
  ' sh "$home" || step_fail "Could not write $home/.ssh/authorized_keys as the user $1: $reason. Correct that on the server: \`sudo ls -la $home/.ssh\` shows owners and modes."
}

# sshd_host_key KIND BITS: replace a host key; sshd uses the new one after its next reload.
sshd_host_key() {
  rm -f -- "$undo/host_key" "$undo/host_key.pub"
  ssh-keygen -q -t "$1" -b "$2" -N '' -C "root@$(uname -n)" -f "$undo/host_key"
  file_put "/etc/ssh/ssh_host_$1_key" 0600 root root <"$undo/host_key"
  file_put "/etc/ssh/ssh_host_$1_key.pub" 0644 root root <"$undo/host_key.pub"
  stamp_remove sshd
}

# sshd_include_first LINE: begin sshd_config with this line.
sshd_include_first() {
  { printf '# Added by fab harden: sshd uses the first value that it reads, so this line comes first.\n%s\n' "$1" && cat /etc/ssh/sshd_config; } >"$undo/sshd_config"
  file_put /etc/ssh/sshd_config "$(stat -c %a /etc/ssh/sshd_config)" root root <"$undo/sshd_config"
}

# sshd_login: set $login_from, $login_to and $login_port to the client's address, the server's address and the port of the
# login that this script runs in. sudo removes SSH_CONNECTION, but the processes above it still have it.
sshd_login() {
  local login pid
  login=${SSH_CONNECTION:+SSH_CONNECTION=$SSH_CONNECTION}
  if [ -z "$login" ]; then
    pid=$PPID
    set --
    while [ "${pid:-0}" -gt 1 ]; do
      set -- "$@" "/proc/$pid/environ"
      read -r login <"/proc/$pid/stat" || break
      login=${login##*) ? }
      pid=${login%% *}
    done
    # Each ends with a NUL, which the shell drops; the nearest process comes first and counts.
    login=$(grep -hzoas -m 1 '^SSH_CONNECTION=.*' "$@" 2>/dev/null) || true
  fi
  login=${login#SSH_CONNECTION=}
  # shellcheck disable=SC2086
  set -- ${login%%SSH_CONNECTION=*}
  login_from=${1:-$sshd_any_client} login_to=${3:-192.0.2.2} login_port=${4:-22}
}

# sshd_values USER ADDRESS PORT: the settings that sshd would apply to a login of USER from there.
sshd_values() {
  sshd -T -C "user=$1,host=$2,addr=${2%%%*},laddr=${login_to%%%*},lport=$3"
}

# sshd_read: set $sshd_shown to the settings for root from our own address, once for all probes of a script.
sshd_read() {
  if [ -z "${sshd_shown-}" ]; then
    sshd_login
    sshd_shown=$(sshd_values root "$login_from" "$login_port")
  fi
}

# sshd_login_lists USER: if sshd limits logins by name, print the limits and the groups of USER.
sshd_login_lists() {
  case $sshd_shown in
    *allowusers* | *denyusers* | *allowgroups* | *denygroups*)
      printf '%s\n' "$sshd_shown" | grep -E '^(allow|deny)(users|groups) '
      printf 'groups sudo %s\n' "$(id -Gn "$1" || echo "$1")"
      ;;
  esac
}

# sshd_logins USER…: "USER ADDRESS PORT", one a line: each user at each port, from our own address and from any.
sshd_logins() {
  local user port
  for port in "$login_port" $(sshd_ports); do
    for user; do
      printf '%s %s %s\n' "$user" "$login_from" "$port" "$user" "$sshd_any_client" "$port"
    done
  done | sort -u
}

# sshd_fact PATH: PATH is the drop-in.
sshd_fact() {
  sshd_read
  printf '\n--- loaded\n'
  stamp_read sshd
  printf '\n--- knows\n'
  ssh -Q kex
  printf '\n--- values\n%s\n' "$sshd_shown"
  printf '\n--- file\n'
  probe_path "$1" -
}

# sshd_check_unchanged: fail if sshd's configuration is broken, or if someone changed its ports without a reload: our reload would
# activate that change, too.
sshd_check_unchanged() {
  local ports port
  mkdir -p /run/sshd
  sshd -t 2>"$undo/sshd" || step_fail "sshd rejects its current configuration, so nothing was changed: $(head -n 1 "$undo/sshd")"
  probe_has ss && ! systemctl is-active -q ssh.socket || return 0
  sshd_read
  ports=$(sshd_ports)
  for port in $(ss -Hltnp | sed -n '/"sshd"/s/^[A-Z]* *[0-9]* *[0-9]* *[^ ]*:\([0-9]*\) .*/\1/p'); do
    ss -Hltn "sport = :$port" | grep -Eq ' (127\.|\[::1\])' && continue
    printf '%s\n' "$ports" | grep -qx "$port" || step_fail "sshd listens on port $port, but its configuration says $(printf '%s' "$ports" | xargs): it was changed and not loaded. Run \`sudo systemctl reload ssh\` on the server, or restore the line, then run the same command again."
  done
}

# sshd_assert USER LINE…: fail unless `sshd -T` shows each line for root, for USER and for the user who runs this.
sshd_assert() {
  local login_user user from port line
  login_user=$1
  shift
  sshd -t 2>"$undo/sshd" || step_fail "sshd would not start with the new configuration: $(head -n 1 "$undo/sshd")"
  sshd_shown=
  sshd_read
  sshd_logins root "$login_user" "${SUDO_USER:-root}" | while read -r user from port; do
    sshd_values "$user" "$from" "$port" >"$undo/values"
    for line in "$@"; do
      grep -Fqx -- "$line" "$undo/values" || step_fail "For logins of $user from $from on port $port, sshd would use '$(grep -m 1 "^${line%% *} " "$undo/values")' and not '$line'. A Match block or another file sets it; this command finds it on the server: \`sudo grep -rni '${line%% *}' /etc/ssh/sshd_config /etc/ssh/sshd_config.d\`."
    done
  done
}

# sshd_reload STAMP: with ssh.socket, sshd cannot reload, but a restart is safe: systemd keeps the socket open, and stopping
# the service ends no login. Where systemd starts an sshd for each login, there is nothing to do.
sshd_reload() {
  guard_touches sshd
  if systemctl is-active -q ssh.service; then
    if systemctl is-active -q ssh.socket; then service_run restart ssh.service; else service_run reload ssh.service; fi
  fi
  stamp_write sshd "$1"
}

# sshd_listens: print the port of each address in $sshd_shown.
sshd_listens() {
  local line IFS
  IFS=$nl
  for line in $sshd_shown; do
    case $line in "listenaddress "*) line=${line##*:} ;; *) continue ;; esac
    # With `rdomain` after the port, it is no port of ours.
    case $line in '' | *[!0-9]*) ;; *) printf '%s\n' "$line" ;; esac
  done
}

# sshd_ports: the ports that ssh answers on, one a line: those of systemd's socket, or else of sshd itself ($sshd_shown).
sshd_ports() {
  case $(probe_unit ssh.socket) in
    *ActiveState=active*) systemctl show -p Listen --value ssh.socket | sed -n 's/.*:\([0-9]*\) (Stream)$/\1/p' ;;
    *) sshd_listens ;;
  esac | sort -un
}
