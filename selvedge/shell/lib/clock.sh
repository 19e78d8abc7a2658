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
