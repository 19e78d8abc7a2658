# Kernel settings, and who keeps the clock.

# kernel_sysctl_fact FILE NAME…: (net/ipv4/…) the values of the settings that exist and may be written here, and what the kernel refused before.
kernel_sysctl_fact() {
  printf '\n--- file\n'
  probe_path "$1" -
  shift
  printf '\n--- live\n'
  # Not `read`, which takes a byte at a time: these files give all at once or nothing.
  (cd /proc/sys && for name in "$@"; do if [ -w "$name" ]; then echo "$name"; fi; done | xargs -r grep -H '')
  printf '\n--- refused\n'
  cat /var/lib/selvedge/sysctl-refused
}

# kernel_sysctl_set NAME=VALUE…: what the kernel refuses is remembered, so that it is not tried at each run.
kernel_sysctl_set() {
  mkdir -p /var/lib/selvedge
  : >/var/lib/selvedge/sysctl-refused
  for pair in "$@"; do
    if ! printf '%s' "${pair#*=}" 2>/dev/null >"/proc/sys/$(printf '%s' "${pair%%=*}" | tr . /)"; then
      step_say "the kernel refuses $pair here"
      printf '%s\n' "$pair" >>/var/lib/selvedge/sysctl-refused
    fi
  done
}

# kernel_clock_fact: the services that keep the clock and start at boot. (systemd's own does not run in a container, whose clock is
# the host's: so it is not asked whether it runs.)
kernel_clock_fact() {
  for service in systemd-timesyncd chrony chronyd ntpsec ntp ntpd openntpd; do
    for link in /etc/systemd/system/*.wants/"$service.service"; do
      if [ -e "$link" ]; then echo "$service"; fi
    done
  done
}
