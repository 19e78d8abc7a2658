# What the server writes for Prometheus about an app each minute ([metrics]): its script has these functions (release/metrics.py).

# collect_label TEXT: print it as the value of a label.
collect_label() { printf '%s' "$1" | tr -d '\n' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# collect_app: write the metrics of an app for node exporter. A file that is half written has another name.
# Values: app host base live_socket supervisor_conf health health_host health_ranges health_timeout branch limits certificate folder
collect_app() {
  local file
  file=/var/lib/selvedge/metrics/$app.prom
  collect_print >"$file.new" && collect_publish "$file"
}

# collect_site: the same for a balancer's site. The releases of the app are on the backends.
# Values: app host limits certificate folder
collect_site() {
  local file
  file=/var/lib/selvedge/metrics/$app.prom
  { collect_limits && collect_certificate; } >"$file.new" && collect_publish "$file"
}

# collect_publish FILE: add the server's name of the app's project to each metric (prometheus.yml), and the metric with both names:
# its label instance is the name by which Prometheus knows the server's own metrics.
collect_publish() {
  local label
  label=selvedge_host
  sed -i "s|^\(selvedge_[a-z_]*\){|\1{$label=\"$host\",|" "$1.new" &&
    printf 'selvedge_server_info{app="%s",host="%s"} 1\n' "$app" "$host" >>"$1.new" && mv -f -- "$1.new" "$1"
}

collect_print() {
  local live
  live=$(releases_live)
  collect_limits
  if [ -n "$live" ]; then
    collect_release
    collect_up
    collect_restarts
  fi
  collect_timers
  collect_backup
  collect_certificate
}

# collect_limits: the limits of the alerts, which a rule can compare with: "NAME VALUE…".
collect_limits() {
  # shellcheck disable=SC2086
  set -- $limits
  while [ $# -gt 1 ]; do
    printf 'selvedge_limit{app="%s",name="%s"} %s\n' "$app" "$1" "$2"
    shift 2
  done
}

collect_release() {
  local at
  printf 'selvedge_release_info{app="%s",release="%s",branch="%s"} 1\n' "$app" "${live%%-*}" "$(collect_label "$branch")"
  at=$(sed -n 's/^at //p' "$base/instances/$live/record" 2>/dev/null)
  if [ -n "$at" ]; then printf 'selvedge_release_start_seconds{app="%s"} %s\n' "$app" "$(date -d "$at" +%s)"; fi
}

# collect_up: whether the health check succeeds on the live socket, and whether a boot starts the app: it does not after `fab stop`.
collect_up() {
  local code up wanted
  code=$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' --max-time "$health_timeout" --unix-socket "$live_socket" \
    -H "Host: $health_host" -H "X-Forwarded-Proto: ${certificate:+https}" -- "http://localhost$health") || :
  up=$(printf '%s\n' "$health_ranges" | tr ' ' '\n' | awk -F - -v code="${code:-0}" '$1 <= code && code <= $2 { up = 1 } END { print up + 0 }')
  wanted=0
  if manager_boots "$live"; then wanted=1; fi
  printf 'selvedge_app_up{app="%s"} %s\nselvedge_app_enabled{app="%s"} %s\n' "$app" "$up" "$app" "$wanted"
}

collect_restarts() {
  printf 'selvedge_process_restarts_total{app="%s",process="web"} %s\n' "$app" "$(manager_restarts "$live" | grep -x '[0-9]*' || echo 0)"
  processes_fact "$live" restarts | awk -v app="$app" '$1 == "processes" {
    printf "selvedge_process_restarts_total{app=\"%s\",process=\"%s\"} %d\n", app, $2, $7 }'
}

# collect_timers: a timer without a run has not failed, nor has one whose last run someone stopped (server/messages/ended.py).
collect_timers() {
  local name
  for name in $(timers_listed); do
    timers_record "$name" | awk -v app="$app" -v name="$name" '{
      printf "selvedge_timer_failed{app=\"%s\",timer=\"%s\"} %d\n", app, name,
        ($3 != "-" && $3 != "success" && !($3 == "signal" && $5 == "TERM")) }'
  done
}

# collect_backup: the time of the last good backup, or of the moment since which there are backups.
collect_backup() {
  local at
  [ -d "$base/backup/program" ] || return 0
  at=$(backup_fact | sed -n 's/^backup-good \([0-9]*\).*/\1/p')
  printf 'selvedge_backup_last_seconds{app="%s"} %s\n' "$app" "${at:-$(stat -c %Y "$base/backup/program")}"
}

collect_certificate() {
  local chain dates
  [ -n "$certificate" ] || return 0
  chain=$(https_chain "$certificate" "$folder")
  [ -s "$chain" ] || return 0
  dates=$(openssl x509 -in "$chain" -noout -startdate -enddate 2>/dev/null) || return 0
  printf 'selvedge_certificate_start_seconds{app="%s"} %s\n' "$app" "$(date -d "$(printf '%s\n' "$dates" | sed -n 's/^notBefore=//p')" +%s)"
  printf 'selvedge_certificate_expiry_seconds{app="%s"} %s\n' "$app" "$(date -d "$(printf '%s\n' "$dates" | sed -n 's/^notAfter=//p')" +%s)"
}
