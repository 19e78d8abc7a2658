# Metrics ([metrics]): the packages of Prometheus and of its exporters, and the removal. collect.sh has what the server collects itself.
# Shared: reason

# The packages that metrics_install has installed, a line each; one file for those of all apps.
metrics_mark=/var/lib/selvedge/metrics-packages
metrics_folder=/etc/selvedge/metrics

# metrics_fact PACKAGE…: those that are installed, "PACKAGE own" if Selvedge has installed it, "PACKAGE other" if it was here before.
metrics_fact() {
  local name
  for name; do
    if [ -e "/var/lib/dpkg/info/$name.list" ] && dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed; then
      if grep -qsx -F -- "$name" "$metrics_mark"; then printf '%s own\n' "$name"; else printf '%s other\n' "$name"; fi
    fi
  done
}

# metrics_install PACKAGE…: install them, and note what is new. The names come first, so that a run that dies meanwhile leaves no
# package that seems to be another program's.
metrics_install() {
  local before
  before=$undo/packages-before
  mkdir -p "${metrics_mark%/*}"
  # An exporter starts while it is installed, already with Selvedge's settings. It needs them as long as it is here, also if the step
  # fails later: without them, it listens for other machines.
  file_settle
  systemctl daemon-reload
  metrics_installed >"$before"
  metrics_note "$@"
  apt_install "$@"
  # shellcheck disable=SC2046 # no name has a space
  metrics_note $(metrics_installed | comm -13 "$before" -)
}

metrics_installed() { dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p' | sort -u; }

# metrics_note PACKAGE…
metrics_note() {
  { cat "$metrics_mark" 2>/dev/null || :; printf '%s\n' "$@"; } | grep . | sort -u >"$metrics_mark.new"
  mv -f -- "$metrics_mark.new" "$metrics_mark"
}

# metrics_load_prometheus: start it again with its changed settings, unless it refuses them.
metrics_load_prometheus() {
  step_try promtool check config "$metrics_folder/prometheus.yml" || step_fail "Prometheus rejects its settings: $reason."
  service_run restart prometheus
}

# The packages' services. Each has a drop-in of Selvedge.
metrics_services='prometheus prometheus-node-exporter prometheus-nginx-exporter prometheus-postgres-exporter prometheus-redis-exporter mtail'

# metrics_role: give PostgreSQL's exporter a role that may read statistics, and no data.
metrics_role() {
  postgres_start
  postgres_answer postgres postgres <<'EOF' || step_fail "PostgreSQL could not create the role prometheus. Its own words are above."
select 'create role prometheus login' where not exists (select from pg_roles where rolname = 'prometheus') \gexec
grant pg_monitor to prometheus;
EOF
}

# metrics_role_fact: "role" if PostgreSQL has that role with these rights. Each user may ask, and the exporter's own is there.
metrics_role_fact() {
  getent passwd prometheus >/dev/null || return 0
  echo "select 'role' where pg_has_role('pg_monitor', 'member')" | postgres_answer prometheus postgres 2>/dev/null || :
}

metrics_role_drop() {
  metrics_role_fact | grep -qx role || return 0
  echo 'drop role prometheus' | postgres_answer postgres postgres || step_say "PostgreSQL keeps the role prometheus"
}

# metrics_forget_alerts: forget what was told of alerts (server/messages): one that is there when the metrics come back is a new one.
metrics_forget_alerts() { rm -f -- /var/lib/selvedge/messages/*/alert.* /var/lib/selvedge/messages/.server/alert.*; }

# metrics_paths: what the server has of the metrics, beside the files of single apps.
metrics_paths() {
  local path
  for path in "$metrics_mark" "$metrics_folder" /var/lib/selvedge/metrics /var/lib/selvedge/alerts /var/log/selvedge-metrics /var/lib/prometheus \
    /etc/nginx/conf.d/selvedge-metrics.conf /etc/nginx/selvedge/metrics /etc/logrotate.d/selvedge-metrics /usr/local/lib/selvedge/alerts.py \
    /etc/systemd/system/selvedge-metrics*.* /etc/systemd/system/selvedge-alerts.*; do
    # Without the mark, Prometheus is another program's.
    case $path in /var/lib/prometheus) [ -e "$metrics_mark" ] || continue ;; esac
    if [ -e "$path" ]; then printf '%s\n' "$path"; fi
  done
}

# metrics_targets PATH: print the targets of the other apps, each after a line "--- targets APP".
metrics_targets() {
  local file
  for file in "$metrics_folder"/targets/*.json; do
    if [ ! -e "$file" ] || [ "$file" = "$1" ]; then continue; fi
    printf '\n--- targets %s\n' "$(basename "$file" .json)"
    cat -- "$file"
  done
}

# metrics_others: print the other apps of the server that have metrics. The balancer's site of the app is no other app.
# Values: app
metrics_others() {
  local file
  for file in "$metrics_folder"/apps/*.sh "$metrics_folder"/targets/*.json; do
    [ -e "$file" ] || continue
    file=${file##*/}
    file=${file%.*}
    if [ "${file%.balancer}" != "${app%.balancer}" ]; then printf '%s\n' "$file"; fi
  done | sort -u
}

# metrics_is_site PATH: whether it is a file of nginx that only has lines for the metrics.
metrics_is_site() {
  case $1 in
    /etc/nginx/snippets/* | /etc/nginx/sites-available/* | /etc/nginx/selvedge/sites/*) return 0 ;;
  esac
  return 1
}

metrics_has_lines() { grep -qs '# \[metrics\]$' -- "$1"; }

# metrics_own PATH…: print which of these files the app has, and the files of its site with lines for the metrics.
metrics_own() {
  local path
  for path; do
    if metrics_is_site "$path"; then
      if metrics_has_lines "$path"; then printf '%s (lines)\n' "$path"; fi
    elif [ -e "$path" ]; then
      printf '%s\n' "$path"
    fi
  done
}

# metrics_remove PATH…: remove the metrics of an app, and those of the server if no other app has any. nginx tests its configuration
# first: if it refuses it, the step puts back the files, and nothing else has changed.
# Values: app
metrics_remove() {
  local path others unit
  others=$(metrics_others)
  metrics_remove_nginx "$others" "$@"
  if [ -n "$others" ]; then metrics_remove_needs "${app%.balancer}"; fi
  for path; do
    metrics_is_site "$path" || rm -f -- "$path"
  done
  for path in "${app%.balancer}" "${app%.balancer}.balancer"; do
    for unit in nginx-metrics $metrics_services; do stamp_remove "$unit-$path"; done
  done
  if [ -z "$others" ]; then
    stamp_remove "selvedge-metrics-private.socket-${app%.balancer}"
    metrics_remove_server
  fi
}

# metrics_remove_needs APP: the units that other apps may need no longer know this one.
metrics_remove_needs() {
  local unit
  if metricsoff_private_fact "$1" | grep -qx own; then metricsoff_private "$1"; fi
  for unit in prometheus-postgres-exporter prometheus-redis-exporter; do
    if metricsoff_exporter_fact "$unit" "$1" | grep -qx own; then metricsoff_exporter "$unit" "$1"; fi
  done
}

# metrics_remove_nginx OTHERS PATH…: remove nginx's part, and that of the server if there are no OTHERS, and load it.
metrics_remove_nginx() {
  local path alone
  alone=$1
  shift
  for path; do
    if metrics_is_site "$path" && metrics_has_lines "$path"; then
      file_keep "$path"
      sed -i '/# \[metrics\]$/d' -- "$path"
    fi
    case $path in /etc/nginx/selvedge/metrics/* | /etc/nginx/conf.d/*) metrics_remove_file "$path" ;; esac
  done
  if [ -z "$alone" ]; then metrics_remove_file /etc/nginx/conf.d/selvedge-metrics.conf; fi
  if probe_has nginx; then
    if ! nginx -t -q 2>"$undo/nginx"; then
      step_remedy "Correct that file on the server, or set up the metrics again with \`fab metrics\` and \`fab deploy\`. Then run the same command again."
      step_fail "nginx rejects its configuration without the metrics, so they were not removed: $(grep -m 1 -F '[emerg]' "$undo/nginx")"
    fi
    if systemctl is-active -q nginx; then nginx_reload; fi
  fi
}

metrics_remove_file() {
  if [ -e "$1" ]; then
    file_keep "$1"
    rm -f -- "$1"
  fi
}

metrics_remove_server() {
  local unit
  for unit in /etc/systemd/system/selvedge-metrics*.* /etc/systemd/system/selvedge-alerts.*; do
    if [ -f "$unit" ]; then systemctl -q disable --now "${unit##*/}" 2>/dev/null || :; fi
  done
  metrics_role_drop
  metrics_purge
  rm -f /etc/logrotate.d/selvedge-metrics /usr/local/lib/selvedge/alerts.py
  rm -rf /etc/systemd/system/selvedge-metrics*.* /etc/systemd/system/selvedge-alerts.*
  rm -f /var/lib/systemd/timers/stamp-selvedge-metrics.timer /var/lib/systemd/timers/stamp-selvedge-alerts.timer
  for unit in $metrics_services; do
    rm -rf -- "/etc/systemd/system/$unit.service.d"
    stamp_remove "$unit"
  done
  for unit in selvedge-metrics.timer selvedge-alerts.timer; do stamp_remove "$unit"; done
  rm -rf -- "$metrics_folder" /etc/nginx/selvedge/metrics /var/lib/selvedge/metrics /var/lib/selvedge/alerts /var/log/selvedge-metrics
  metrics_forget_alerts
  rm -f -- "$metrics_mark"
  rmdir /usr/local/lib/selvedge /etc/nginx/selvedge /etc/selvedge 2>/dev/null || :
  # A failure here would put back files of nginx that need the folders above.
  systemctl daemon-reload || :
  # A run of a service may have been cut.
  for unit in $metrics_services selvedge-metrics selvedge-alerts selvedge-metrics-private; do
    systemctl -q reset-failed "$unit.service" 2>/dev/null || :
  done
}

# metrics_purge: purge the packages that metrics_install has installed, except for those that others need, their data and their users.
metrics_purge() {
  local wanted name user
  [ -e "$metrics_mark" ] || return 0
  wanted=$(cat "$metrics_mark")
  # apt would also remove packages that need one of them, such as one that was installed since.
  # shellcheck disable=SC2086 # no name has a space
  for name in $(apt-get -q -s purge $wanted 2>/dev/null | sed -n 's/^\(Purg\|Remv\) \([^ ]*\) .*/\2/p'); do
    printf '%s\n' "$wanted" | grep -qxF -- "${name%%:*}" || {
      step_say "keeping the packages of Prometheus, because $name needs one of them"
      return 0
    }
  done
  # mtail's package would let it run on.
  for name in $metrics_services; do
    if printf '%s\n' "$wanted" | grep -qxF -- "$name"; then systemctl -q disable --now "$name.service" 2>/dev/null || :; fi
  done
  # shellcheck disable=SC2086
  apt_try apt_run purge $wanted || step_fail "apt could not remove the packages of the metrics: $(apt_reason). Correct that on the server, then run the same command again."
  rm -rf /var/lib/prometheus /var/log/prometheus /run/prometheus /etc/prometheus /etc/mtail
  for user in prometheus mtail; do
    if getent passwd "$user" >/dev/null; then userdel "$user" || step_say "the user $user stays"; fi
    if getent group "$user" >/dev/null; then groupdel "$user" || step_say "the group $user stays"; fi
  done
}
