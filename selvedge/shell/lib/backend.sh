# A backend of a balancer ([balancer]): whether it takes new requests, and how the balancer sees it.

# backend_state UNIT: print "drained" if the unit that refuses the balancers is on, and starts at boot; "half" if only one is true.
backend_state() {
  local active enabled
  active=no enabled=no
  if systemctl is-active -q "$1"; then active=yes; fi
  if systemctl is-enabled -q "$1" 2>/dev/null; then enabled=yes; fi
  case $active$enabled in yesyes) echo drained ;; nono) ;; *) echo half ;; esac
}

# backend_open PORT: the open connections to a port, one a line.
backend_open() { ss -Htn state established "sport = :$1" 2>/dev/null || :; }

# backend_drain UNIT PORT SECONDS: refuse new connections of the balancers from now on, also after a reboot. Then wait until the open
# ones have ended, at most so many seconds.
backend_drain() {
  local tries left
  systemctl daemon-reload
  # A unit that is on keeps its former rules until it starts again.
  service_run enable "$1"
  service_run restart "$1"
  tries=0
  while [ -n "$(backend_open "$2")" ] && [ "$tries" -lt $((5 * $3)) ]; do
    tries=$((tries + 1))
    sleep 0.2
  done
  left=$(backend_open "$2" | wc -l)
  [ "$left" -eq 0 ] || step_say "$left connections are still open, for example WebSockets: they stay until they end"
}

# backend_undrain UNIT: let the balancers connect again.
backend_undrain() {
  systemctl daemon-reload
  if systemctl cat "$1" >/dev/null 2>&1; then service_run 'disable --now' "$1"; fi
}

# backend_answers NAME ADDRESS: print "backend NAME STATUS" with the status of the backend's answer to the health check, as the
# balancer asks for it: 0 without an answer.
# Values: health health_host health_timeout
backend_answers() {
  local code
  code=$(curl -s -o /dev/null --noproxy '*' --max-time "$health_timeout" -w '%{http_code}' -H "Host: $health_host" -- "http://$2$health" 2>/dev/null) || :
  printf 'backend %s %s\n' "$1" "$((1${code:-000} - 1000))"
}
