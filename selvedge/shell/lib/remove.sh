# The removal of an app from the server.

# remove_app PATH...: remove the app's site, processes and certificate, then the paths; with $data, its user too.
# Values: app base run_dir live_socket supervisor_conf site_enabled certbot data
remove_app() {
  local live
  live=$(releases_live)
  # The site first, so that nginx sends no request to an app that has stopped.
  # shellcheck disable=SC2046 # no name has a space
  file_remove "$site_enabled" "$site_enabled-tls" "/etc/nginx/conf.d/00-selvedge-$app.conf" $(site_locations_of "$app")
  remove_site
  backup_stop
  # From here on nothing can be restored.
  file_settle
  timers_end
  # Not only those of manager_others: someone may have deleted the file of a process manager.
  # shellcheck disable=SC2046
  drain_stop_now $(manager_instances)
  if [ -e "/etc/systemd/system/selvedge-stop.$app.service" ]; then systemctl -q disable --now "selvedge-stop.$app.service" || :; fi
  if [ -e "/etc/selvedge/redis/$app.conf" ]; then systemctl -q disable --now "selvedge-redis@$app.service" || :; fi
  docker_remove
  if [ -n "$data" ]; then
    postgresnet_close
    postgres_drop
  fi
  if remove_certificate; then certbot_delete "$certbot" "$app"; fi
  if [ -z "$data" ]; then backup_delete "$base/backup"; fi
  remove_exporters "$@"
  # The Prometheus of another server no longer asks for this app. The socket for it stays while it asks for another one.
  if metricsoff_private_fact "${app%.balancer}" | grep -qx own; then
    (metricsoff_private "${app%.balancer}") || step_say "the socket for another server's Prometheus could not be started again"
  fi
  # live.sock is the last path: if the run is interrupted here, the next run still knows the live release.
  rm -rf -- "$@"
  if [ -n "$(messages_left)" ]; then messages_remove; fi
  if [ -z "$data" ]; then
    history_note "$base/history" "$step_by" remove "${live:--}" - good
  elif getent passwd "$app" >/dev/null; then
    userdel "$app"
  fi
}

# remove_exporters PATH…: take the app's group from the exporters ([metrics]) with a drop-in among the paths. systemd starts none with a
# group that has been deleted.
remove_exporters() {
  local path unit
  for path; do
    case $path in /etc/systemd/system/prometheus-*-exporter.service.d/60-*) ;; *) continue ;; esac
    [ -e "$path" ] || continue
    rm -f -- "$path"
    unit=${path%.d/*}
    systemctl daemon-reload
    systemctl -q try-restart "${unit##*/}" || step_say "${unit##*/} could not be started again"
  done
}

# remove_traces PATH…: print the app's logs of steps, and the copies of files that were kept when a step replaced them: of the files
# PATH…, and of those whose names the app no longer has.
# Values: app
remove_traces() {
  local copies path
  copies=/var/backups/selvedge
  for path; do
    shift
    set -- "$@" "$copies$path".[0-9]*Z "$copies$path"/
  done
  set -- "$@" "$copies/etc/systemd/system/$app".????????????-??????.* "$copies/etc/systemd/system/selvedge-timer-$app".* \
    "$copies/etc/fail2ban/jail.d/60-selvedge-$app.local".[0-9]*Z "$copies"/etc/postgresql/*/*/conf.d/"60-selvedge-$app.conf".[0-9]*Z \
    "$copies"/etc/nginx/selvedge/sites/*/"$app.conf".[0-9]*Z "/var/log/selvedge/$app.log"*
  case $app in *.balancer) ;; *) set -- "$@" "/var/log/selvedge/$app.balancer.log"* ;; esac
  for path; do
    if [ -e "$path" ]; then printf '%s\n' "${path%/}"; fi
  done
}

# remove_traces_now PATH…: delete them. The log that this step writes ends with it.
# Values: app
remove_traces_now() {
  local path
  remove_traces "$@" | while IFS= read -r path; do rm -rf -- "$path"; done
}

# remove_certificate: whether there is a certificate from certbot to delete. It stays while other apps of the name use it; their
# next deploy gets one of its own and deletes this one.
# Values: app
remove_certificate() { [ -e "/etc/letsencrypt/renewal/$app.conf" ] && ! certbot_used "$app"; }

# remove_site: reload nginx without the site; restore the site if nginx refuses its configuration.
remove_site() {
  probe_has nginx || return 0
  nginx -t >"$undo/nginx" 2>&1 || step_fail "nginx rejects its configuration without the site of $app, so the site was restored: $(grep -m 1 -F '[emerg]' "$undo/nginx")"
  if systemctl is-active -q nginx; then nginx_reload; fi
}

# remove_strangers: print "PID NAME" for each process of the app's user that neither a process manager nor a timer started: a job of
# cron, a terminal, an app server that someone started by hand. Without their arguments, which may be secrets.
# Values: app base run_dir supervisor_conf
remove_strangers() {
  local uid ours instance
  uid=$(id -u "$app" 2>/dev/null) || return 0
  cat /proc/[0-9]*/status 2>/dev/null | grep -q "^Uid:[[:space:]]*${uid}[[:space:]]" || return 0
  # Its Redis runs as this user, too.
  ours=$(systemctl show --value -p MainPID "selvedge-redis@$app.service" 2>/dev/null) || ours=
  for instance in $(manager_instances); do
    ours="$ours $(manager_pid "$instance") $(manager_processes "$instance")"
    # shellcheck disable=SC2046 # no name has a space
    if processes_has "$instance"; then ours="$ours $(unit_facts $(unit_list "$instance") | awk '{ print $3 }')"; fi
  done
  ours="$ours $(timers_pids) $(docker_pids)"
  cat /proc/[0-9]*/status 2>/dev/null | awk -v uid="$uid" -v ours="$ours" '
    BEGIN { count = split(ours, list); for (i = 1; i <= count; i++) if (list[i] > 1) own[list[i]] = 1 }
    $1 == "Name:" { name = $0; sub(/^Name:[ \t]*/, "", name) }
    $1 == "Pid:" { pid = $2 }
    $1 == "PPid:" { parent[pid] = $2 }
    $1 == "Uid:" && $2 == uid { stranger[pid] = name }
    END {
      for (pid in stranger) {
        for (at = pid; at > 1 && !(at in own); at = parent[at]);
        if (at <= 1) print pid " " stranger[pid]
      }
    }' | sort -n
}
