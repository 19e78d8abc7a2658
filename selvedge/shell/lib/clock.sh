# The clock.

# clock_fact: the services that set the clock and start at boot. It does not ask whether they run: systemd's own does not
# run in a container, whose clock is the host's.
clock_fact() {
  local service link
  for service in systemd-timesyncd chrony chronyd ntpsec ntp ntpd openntpd; do
    for link in /etc/systemd/system/*.wants/"$service.service"; do
      if [ -e "$link" ]; then echo "$service"; fi
    done
  done
}

# clock_between START END: print the milliseconds between two times; nothing if one is unknown, or the end is before the start.
clock_between() {
  local start end
  start=$(date -d "$1" +%s%3N 2>/dev/null) && end=$(date -d "$2" +%s%3N 2>/dev/null) || return 0
  if [ "$start" -le "$end" ]; then echo $((end - start)); fi
}

# clock_uptime: print the milliseconds since the boot, in steps of ten (proc_uptime(5)). No one can set this clock.
clock_uptime() {
  local uptime
  read -r uptime _ </proc/uptime && printf '%s0' "${uptime%.*}${uptime#*.}"
}
