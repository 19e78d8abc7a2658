# An app that leaves the server. Reads $app, $base, $run_dir, $log_dir, $supervisor_conf, $enabled (what nginx reads, one path
# after the other), $places (what goes), $certbot, $by, and $data where what the app has written goes, too.

# Values: app base run_dir live_socket supervisor_conf enabled places certbot data
remove_app() {
  live=$(releases_live)
  # First nobody asks the app any more.
  # shellcheck disable=SC2086
  for path in $enabled; do
    file_keep "$path"
    rm -f -- "$path"
  done
  remove_site
  # From here on nothing can be put back.
  rm -f -- "$undo"/*.path "$undo"/*.copy
  for instance in $(manager_instances); do manager_stop "$instance"; done
  if [ -e "/etc/letsencrypt/renewal/$app.conf" ]; then
    "$certbot" delete --non-interactive --cert-name "$app" >"$undo/certbot" 2>&1 || { cat "$undo/certbot"; step_fail "certbot cannot delete the certificate $app"; }
  fi
  # The live release's link is the last to go: until then the next run knows what was live.
  # shellcheck disable=SC2086
  rm -rf -- $places
  if [ -z "$data" ]; then
    history_note "$base/history" "$step_by" remove "${live:--}" - good
  elif getent passwd "$app" >/dev/null; then
    userdel "$app"
  fi
}

remove_site() {
  probe_has nginx || return 0
  nginx -t >"$undo/nginx" 2>&1 || step_fail "nginx does not accept its configuration without $app, whose site was put back: $(grep -m 1 -F '[emerg]' "$undo/nginx")"
  if systemctl is-active -q nginx; then nginx_reload; fi
}
