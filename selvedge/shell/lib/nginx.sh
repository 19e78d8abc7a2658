# nginx itself: its version, how it loads its configuration, and the restrictions of its unit.

# The output of `nginx -v`.
nginx_version_text=

# nginx_version: what `nginx -v` prints, or "none"; asked once for all probes of a script.
nginx_version() {
  [ -n "$nginx_version_text" ] || nginx_version_text=$(nginx -v 2>&1) || nginx_version_text=none
  printf '%s\n' "$nginx_version_text"
}

# nginx_test [PATH LOCAL]: `nginx -t`. An error in the file PATH names the user's file, which it is a copy of, too. LOCAL is text
# for sed.
nginx_test() {
  local status
  probe_has nginx || return 0
  status=0
  nginx -t >"$undo/nginx.test" 2>&1 || status=$?
  sed "${1:+s#in $1:\([0-9]*\)#& (line \1 of your file $2)#}" "$undo/nginx.test" | nginx_missing
  return "$status"
}

# nginx_missing: standard input, with the reason if nginx lacks what /etc/nginx/conf.d/selvedge.conf defines.
nginx_missing() {
  # shellcheck disable=SC2016
  sed '/unknown "\(connection_upgrade\|selvedge_[a-z_]*\)" variable\|shared memory zone "selvedge_\|unknown log format "selvedge_/s|$|: nginx does not read /etc/nginx/conf.d. Add `include /etc/nginx/conf.d/*.conf;` to the http block of /etc/nginx/nginx.conf|'
}

# What nginx.conf, modules-enabled and conf.d say, a line each: "user NAME", "limit FILE" that limits the open files, "sites FILE" that
# includes sites-enabled, "main" if there is a nginx.conf, "modules" if that includes modules-enabled; "read" at the end.
nginx_main_text=

# nginx_main: read it, once for all probes of a script.
nginx_main() {
  local path
  [ -z "$nginx_main_text" ] || return 0
  set --
  for path in /etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf /etc/nginx/conf.d/*.conf; do
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  [ $# -gt 0 ] || return 0
  nginx_main_text=$(awk '
    { main = FILENAME == "/etc/nginx/nginx.conf"; modules = FILENAME ~ /\/modules-enabled\// }
    main { say("main") }
    main && /^[[:space:]]*user[[:space:]]/ { name = $2; sub(/;.*/, "", name); say("user " name) }
    (main || modules) && /^[^#]*worker_rlimit_nofile[[:space:]]/ { say("limit " FILENAME) }
    main && /^[^#]*include[[:space:]]+[^;]*modules-enabled\// { say("modules") }
    !modules && /^[^#]*include[[:space:]]+"?\/?[a-z\/]*sites-enabled\/\*/ { say("sites " FILENAME) }
    END { print "read" }
    function say(line) { if (!said[line]++) print line }' "$@") || :
}

# nginx_says WORD: print the rests of its lines that begin with this word.
nginx_says() {
  local line IFS
  IFS=$nl
  for line in $nginx_main_text; do
    case $line in "$1 "*) printf '%s\n' "${line#* }" ;; esac
  done
}

# nginx_limits: print the files that limit the open files, and "unread" if nginx.conf does not include modules-enabled.
nginx_limits() {
  nginx_main
  nginx_says limit
  case $nl$nginx_main_text in *"${nl}modules$nl"*) ;; *"${nl}main$nl"*) echo unread ;; esac
}

# nginx_user: the user of nginx's workers.
nginx_user() {
  nginx_main
  nginx_says user | head -n 1
}

# nginx_outsider: print the user of nginx's workers, if it is not in the group www-data. The sockets, logs and folders of apps have
# this group.
nginx_outsider() {
  local user
  nginx_main
  user=$(nginx_says user)
  user=${user%%"$nl"*}
  case $user in '' | root | www-data) return 0 ;; esac
  if id -nG "$user" 2>/dev/null | tr ' ' '\n' | grep -qx www-data; then return 0; fi
  if id "$user" >/dev/null 2>&1; then printf '%s\n' "$user"; fi
}

# nginx_without_sites OWN: print "none" if no file that nginx reads includes /etc/nginx/sites-enabled, apart from OWN.
nginx_without_sites() {
  [ -e /etc/nginx/nginx.conf ] || return 0
  nginx_main
  case $(nginx_says sites) in
    '' | "$1") echo none ;;
  esac
}

# nginx_serving: the workers that accept new requests, as paths in /proc. Workers that are shutting down have another title.
nginx_serving() {
  local main workers
  main=$(cat /run/nginx.pid 2>/dev/null) || return 0
  workers=$(sed 's,[0-9][0-9]*,/proc/&/cmdline,g' "/proc/$main/task/$main/children" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  grep -slaE 'worker process([^ ]|$)' $workers /dev/null || :
}

# nginx_reload: reload, and wait until new workers have taken over. `systemctl reload` ends before nginx has read any file,
# and succeeds even if nginx then cannot use them.
nginx_reload() {
  local log size before tries errors
  log=/var/log/nginx/error.log
  size=$(wc -c <"$log" 2>/dev/null) || size=0
  before=$(nginx_serving)
  service_run reload nginx
  tries=0
  while nginx_serving | grep -qxF "$before"; do
    errors=$(tail -c "+$((size + 1))" "$log" 2>/dev/null | sed -n 's/^.*\[emerg\] [0-9#]*: //p')
    # nginx tries a port that is in use five times, every half second.
    if [ "$tries" -ge 300 ] || { [ -n "$errors" ] && printf '%s\n' "$errors" | grep -qv '^bind() to'; }; then
      step_fail "nginx could not load its configuration and keeps the previous one: $(printf '%s\n' "${errors:-it did not load it within 30 seconds}" | head -n 1)"
    fi
    tries=$((tries + 1))
    sleep 0.1
  done
}

# nginx_close_logs FILE…: create missing log files; keep other users out of all of them.
nginx_close_logs() {
  local log
  for log; do
    [ -e "$log" ] || : >"$log"
    chown -- www-data:adm "$log"
    chmod -- 0640 "$log"
  done
}

# nginx_exceptions: the rights that this server's sites need beyond the restrictions, as lines of a unit: folders of logs,
# caches and buffers (up to a variable in their names), sockets in /tmp, just-in-time compilers, uploads by nginx.
nginx_exceptions() {
  nginx -T 2>/dev/null | awk '{ sub(/(^|[ \t])#.*/, ""); gsub(/["\047]/, ""); gsub(/[;{}]/, "\n"); printf "%s ", $0 }' | awk '
    function writes(folder) {
      if (folder ~ /^\/[A-Za-z0-9._\/@+:-]+$/ && folder !~ /^\/(run|dev|tmp|var\/(run|log|tmp|lib\/nginx|cache\/nginx))(\/|$)/)
        print "ReadWritePaths=-" folder
    }
    /[ :]\/(var\/)?tmp\// { print "PrivateTmp=no" }
    $1 ~ /^(access|error)_log$/ { sub(/\/[^\/]*(\$.*)?$/, "", $2); writes($2) }
    $1 ~ /_(cache|temp)_path$/ { sub(/\/[^\/]*\$.*/, "", $2); writes($2) }
    $1 == "load_module" && /lua|perl|js|passenger/ { print "MemoryDenyWriteExecute=no" }
    $1 ~ /^(passenger_root|dav_methods|[a-z]+_store)$/ && $2 != "off" { print "ProtectSystem=full\nProtectHome=no" }
  ' | sort -u
}

# nginx_accepts DROPIN…: test nginx's configuration under the restrictions of these files; print its errors.
nginx_accepts() {
  local line
  cat -- "$@" >"$undo/restrictions"
  set --
  while IFS= read -r line; do
    case $line in [A-Z]*=*) set -- "$@" -p "$line" ;; esac
  done <"$undo/restrictions"
  systemd-run --quiet --wait --collect --pipe "$@" nginx -t -q 2>&1
}

# nginx_has_sites: a site is enabled, Debian's default site aside; nginx.org's package and many people use conf.d for sites.
nginx_has_sites() {
  local path
  if grep -lsE '^[^#]*\bserver[[:space:]]*(\{|$)' /etc/nginx/conf.d/*.conf | grep -qv '/selvedge-[a-z0-9-]*\.conf$'; then return 0; fi
  for path in /etc/nginx/sites-enabled/*; do
    case $path in *'/*') continue ;; */default) if site_is_debians; then continue; fi ;; esac
    return 0
  done
  return 1
}

# nginx_restrict DROPIN: put changed restrictions into effect: at once if nginx has no site yet, else when it next starts.
# Rights that other sites need go into a second file: the restrictions must not keep those sites down after the next boot.
nginx_restrict() {
  local more errors
  more=${1%/*}/60-selvedge-sites.conf
  nginx_exceptions >"$undo/exceptions"
  if [ -s "$undo/exceptions" ]; then
    step_say "allowing nginx what the other sites need, too: $(paste -s -d ' ' "$undo/exceptions")"
    printf '# Rights that the sites of this server need beyond 50-selvedge.conf. Written by fab nginx; changes here are overwritten.\n[Service]\n' |
      cat - "$undo/exceptions" | file_put "$more" 0644 root root
    set -- "$1" "$more"
  else
    file_remove "$more"
  fi
  if ! errors=$(nginx_accepts "$@"); then
    nginx -t -q 2>/dev/null || step_fail "nginx rejects its configuration even without the restrictions in $1: ${errors%.}. Correct that file, then run the same command again."
    step_fail "nginx would not start with the restrictions in $1, so they were removed: $errors"
  fi
  systemctl daemon-reload
  systemctl is-active -q nginx || return 0
  if nginx_has_sites; then
    step_say "nginx is not restarted, because that would lose requests; the restrictions take effect at its next start"
    return 0
  fi
  if ! systemctl restart nginx; then
    rm -f -- "$@"
    errors=$(service_journal nginx '1 minute ago' | service_reason)
    systemctl daemon-reload
    systemctl restart nginx || :
    step_fail "nginx could not start with the restrictions in $1, so they were removed: $errors. \`sudo journalctl -u nginx -n 50\` on the server shows its log."
  fi
}

# nginx_cache_folder PATH: make a folder for kept responses, which only nginx's workers can read.
nginx_cache_folder() {
  local user
  user=$(nginx_user)
  if [ ! -d "${1%/*}" ]; then
    step_say "nginx may not be able to write to ${1%/*} before its next start; until then it keeps no responses: sudo systemctl restart nginx"
  fi
  mkdir -p -- "${1%/*}"
  step_try install -d -m 0700 -o "${user:-www-data}" -g root -- "$1" || step_fail "Could not make the folder $1 ([nginx] cache): $reason. Move away what is at this path."
}
