# sshd, its keys and its users. Reads $undo, the folder of the step (apply.sh).
# shellcheck disable=SC2154

# authorize USER: the keys on standard input are added to the user's authorized_keys; what stands there stays.
authorize() {
  ssh_home=$(getent passwd "$1" | cut -d : -f 6)
  [ -d "$ssh_home" ] || fail "the home of $1, $ssh_home, is not there"
  # As the user, so that a link in the home leads nowhere that the user could not write.
  # shellcheck disable=SC2016
  as "$1" sh -euc '
    umask 077
    mkdir -p -- "$1/.ssh"
    cd -- "$1/.ssh"
    touch authorized_keys
    fresh=$(mktemp "$(readlink -f authorized_keys).XXXXXX")
    { sed -e "\$a\\" authorized_keys && cat; } >"$fresh"
    chmod --reference=authorized_keys "$fresh"
    chmod go-w "$fresh" .
    mv -f -- "$fresh" "$(readlink -f authorized_keys)"
  ' sh "$ssh_home" || fail "cannot write $ssh_home/.ssh/authorized_keys as $1"
}

# host_key KIND BITS: a fresh key in the place of the old one; it counts from the next reload on.
host_key() {
  rm -f -- "$undo/host_key" "$undo/host_key.pub"
  ssh-keygen -q -t "$1" -b "$2" -N '' -C "root@$(uname -n)" -f "$undo/host_key"
  put "/etc/ssh/ssh_host_$1_key" 0600 root root <"$undo/host_key"
  put "/etc/ssh/ssh_host_$1_key.pub" 0644 root root <"$undo/host_key.pub"
  rm -f /var/lib/selvedge/loaded/sshd
}

include_first() {
  { printf '# What is said first counts.\n%s\n' "$1" && cat /etc/ssh/sshd_config; } >"$undo/sshd_config"
  put /etc/ssh/sshd_config "$(stat -c %a /etc/ssh/sshd_config)" root root <"$undo/sshd_config"
}

# sshd_values USER: what sshd would do with a login of USER from anywhere (192.0.2.1 is nobody's, RFC 5737).
sshd_values() {
  sshd -T -C "user=$1,host=anywhere.invalid,addr=192.0.2.1,laddr=192.0.2.2,lport=22"
}

# sshd_read: the same for root, once for all probes of a script, in $sshd_shown.
sshd_read() {
  [ -n "${sshd_shown-}" ] || sshd_shown=$(sshd_values root)
}

# sshd_fact PATH
sshd_fact() {
  sshd_read
  printf '\n--- loaded\n'
  cat /var/lib/selvedge/loaded/sshd
  printf '\n--- knows\n'
  ssh -Q kex
  printf '\n--- values\n%s\n' "$sshd_shown"
  printf '\n--- file\n'
  path_fact "$1" -
}

# sshd_sound: what a reload would load must be what runs, or a stranger's unfinished edit would come alive by ours.
sshd_sound() {
  mkdir -p /run/sshd
  sshd -t 2>"$undo/sshd" || fail "sshd's configuration is broken already, before anything was changed: $(head -n 1 "$undo/sshd")"
  has ss && ! systemctl is-active -q ssh.socket || return 0
  ports=$(sshd -T | sed -n 's/^listenaddress .*:\([0-9]*\)$/\1/p')
  for live in $(ss -Hltnp | sed -n '/"sshd"/s/^[A-Z]* *[0-9]* *[0-9]* *[^ ]*:\([0-9]*\) .*/\1/p'); do
    ss -Hltn "sport = :$live" | grep -Eq ' (127\.|\[::1\])' && continue
    printf '%s\n' "$ports" | grep -qx "$live" || fail "sshd listens on port $live, but its configuration says $(printf '%s' "$ports" | tr '\n' ' '| xargs -n 1 | sort -u | xargs): somebody changed it and has not reloaded sshd. Do that first, or put the line back."
  done
}

# sshd_assert USER LINE…: each line is in force by `sshd -T`, for root and for USER.
sshd_assert() {
  asserted_user=$1
  shift
  sshd -t 2>"$undo/sshd" || fail "sshd would not start with this: $(head -n 1 "$undo/sshd")"
  for user in root "$asserted_user"; do
    sshd_values "$user" >"$undo/values"
    for line in "$@"; do
      grep -Fqx -- "$line" "$undo/values" || fail "sshd would say '$(grep -m 1 "^${line%% *} " "$undo/values")' for $user and not '$line': a Match block or another file sets it. Look: grep -rn '${line%% *}' /etc/ssh/sshd_config /etc/ssh/sshd_config.d -i"
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

# ssh_ports: the ports that ssh answers on, one a line: those of systemd's socket, or else of sshd itself ($sshd_shown).
ssh_ports() {
  if systemctl is-active -q ssh.socket; then
    systemctl show -p Listen --value ssh.socket | sed -n 's/.*:\([0-9]*\) (Stream)$/\1/p'
  else
    printf '%s\n' "$sshd_shown" | sed -n 's/^listenaddress .*:\([0-9]*\)$/\1/p'
  fi | sort -un
}
