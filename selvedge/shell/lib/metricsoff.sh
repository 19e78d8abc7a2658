# Parts of the metrics that a server no longer needs: the socket for another server's Prometheus, its own Prometheus, an exporter.
# An app that needs one has a drop-in 60-APP.conf of its unit, or its own targets.

metricsoff_units=/etc/systemd/system

# metricsoff_needs UNIT APP: print "own" and "other" for the apps that need a unit.
metricsoff_needs() {
  local file
  for file in "$metricsoff_units/$1.d"/60-*.conf; do
    [ -e "$file" ] || continue
    if [ "${file##*/}" = "60-$2.conf" ]; then echo own; else echo other; fi
  done
}

# metricsoff_needless UNIT APP: the app no longer needs the unit. Return 0 if no other app does.
metricsoff_needless() {
  rm -f -- "$metricsoff_units/$1.d/60-$2.conf"
  stamp_remove "${1%.service}-$2"
  [ -z "$(metricsoff_needs "$1" "$2")" ]
}

# metricsoff_private_fact APP: who needs the socket, and "there" if there is one.
metricsoff_private_fact() {
  metricsoff_needs selvedge-metrics-private.socket "$1"
  if [ -e "$metricsoff_units/selvedge-metrics-private.socket" ]; then echo there; fi
}

# metricsoff_private APP: no Prometheus of another server asks for this app.
metricsoff_private() {
  local name
  name=selvedge-metrics-private
  if metricsoff_needless "$name.socket" "$1"; then
    systemctl -q disable --now "$name.socket" 2>/dev/null || :
    systemctl -q stop "$name.service" 2>/dev/null || :
    rm -rf -- "$metricsoff_units/$name.socket" "$metricsoff_units/$name.service" "$metricsoff_units/$name.socket.d"
    systemctl daemon-reload
    systemctl -q reset-failed "$name.service" 2>/dev/null || :
  else
    systemctl daemon-reload
    metricsoff_private_restart
  fi
}

# metricsoff_private_restart: the service has the sockets of its last start.
metricsoff_private_restart() {
  service_run stop selvedge-metrics-private.service
  service_run restart selvedge-metrics-private.socket
}

# metricsoff_rules APP PORT: ufw's rules for the port, and the addresses that other apps need.
metricsoff_rules() {
  firewall_rules user.rules user6.rules | grep -F " $2 " || :
  printf '\n--- peers\n'
  firewall_peers "$1"
}

# metricsoff_exporter_fact PACKAGE APP: who needs the exporter, and "there" if Selvedge has installed it.
metricsoff_exporter_fact() {
  metricsoff_needs "$1.service" "$2"
  if metrics_fact "$1" | grep -q ' own$'; then echo there; fi
}

# metricsoff_exporter PACKAGE APP: the app no longer has such a service. The package is only removed, because its purge might delete
# the user of the others; metrics_purge does it.
metricsoff_exporter() {
  local rest
  if ! metricsoff_needless "$1.service" "$2"; then
    systemctl daemon-reload
    service_run restart "$1"
    return 0
  fi
  systemctl -q disable --now "$1.service" 2>/dev/null || :
  case $1 in *postgres*) metrics_role_drop ;; esac
  rest=$(apt-get -q -s remove "$1" 2>/dev/null | sed -n 's/^\(Purg\|Remv\) \([^ ]*\) .*/\2/p' | grep -vxF -- "$1" || :)
  if [ -n "$rest" ]; then
    step_say "keeping the package $1, because $(printf '%s\n' "$rest" | head -n 1) needs it"
  else
    apt_try apt_run remove "$1" || step_fail "apt could not remove $1: $(apt_reason). Correct that on the server, then run the same command again."
  fi
  rm -rf -- "$metricsoff_units/$1.service.d"
  stamp_remove "$1"
  systemctl daemon-reload
}

# metricsoff_prometheus_fact APP: "other" if Prometheus asks for another app, "there" if it or its alerts are on.
metricsoff_prometheus_fact() {
  local file
  for file in "$metrics_folder"/targets/*.json; do
    if [ -e "$file" ] && [ "${file##*/}" != "$1.json" ]; then echo other; fi
  done
  metrics_fact prometheus | grep -q ' own$' || return 0
  if [ -e "$metricsoff_units/selvedge-alerts.timer" ] || systemctl is-active -q prometheus || systemctl is-enabled -q prometheus; then
    echo there
  fi
}

# metricsoff_prometheus: the Prometheus of another server asks this one. Its own keeps its data, for 30 days of charts.
metricsoff_prometheus() {
  systemctl -q disable --now selvedge-alerts.timer 2>/dev/null || :
  rm -f -- "$metricsoff_units"/selvedge-alerts.*
  systemctl -q disable --now prometheus.service || :
  stamp_remove prometheus
  stamp_remove selvedge-alerts.timer
  rm -rf -- /usr/local/lib/selvedge/alerts.py /var/lib/selvedge/alerts
  metrics_forget_alerts
  systemctl daemon-reload
}
