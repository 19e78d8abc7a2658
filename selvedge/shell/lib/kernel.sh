# Kernel settings.

kernel_refused=/var/lib/selvedge/sysctl-refused

# kernel_sysctl_fact FILE NAME…: the file, the values of the settings (net/ipv4/…) that exist and are writable here, and those
# that the kernel has refused before.
kernel_sysctl_fact() {
  local name
  printf '\n--- file\n'
  probe_path "$1" -
  shift
  printf '\n--- live\n'
  # Not `read`, which takes a byte at a time: these files give everything at once or nothing.
  (
    cd /proc/sys || exit 0
    for name; do
      shift
      if [ -w "$name" ]; then set -- "$@" "$name"; fi
    done
    [ $# -eq 0 ] || grep -H '' "$@"
  ) || :
  printf '\n--- refused\n'
  if [ -s "$kernel_refused" ]; then cat "$kernel_refused"; fi
}

# kernel_sysctl_set NAME=VALUE…: the settings that the kernel refuses are recorded, so that later runs do not try them again.
kernel_sysctl_set() {
  local pair
  mkdir -p "${kernel_refused%/*}"
  : >"$kernel_refused"
  for pair in "$@"; do
    if ! printf '%s' "${pair#*=}" 2>/dev/null >"/proc/sys/$(printf '%s' "${pair%%=*}" | tr . /)"; then
      step_say "this server's kernel does not accept $pair"
      printf '%s\n' "$pair" >>"$kernel_refused"
    fi
  done
}
