# The processes beside the web process ([processes]) under systemd: a template unit for each, APP.INSTANCE.NAME@.service. Here a
# UNIT is INSTANCE.NAME@NUMBER. A boot starts the enabled ones. Reads $app and $base.

systemdunit_template() { echo "$systemd_units/$app.${1%@*}@.service"; }

systemdunit_source() {
  local name
  name=${1%@*}
  echo "$base/instances/${name%%.*}/processes/${name#*.}/process.service"
}

# systemdunit_has UNIT: see supervisorunit_has.
systemdunit_has() { [ -e "$systemd_units/$app.${1%@*}@.service" ]; }

# systemdunit_list PATTERN: print the units of the instances with these names that are enabled, or that run.
systemdunit_list() {
  local link
  # shellcheck disable=SC2086 # a pattern
  set -- "$1" "$systemd_units/$app."$1.*@.service
  [ -e "$2" ] || return 0
  {
    # shellcheck disable=SC2231
    for link in "$systemd_units/multi-user.target.wants/$app."$1.*@*.service; do
      if [ -L "$link" ]; then echo "${link##*/}"; fi
    done
    systemctl list-units --all --plain --no-legend --full --state=active,activating,reloading,deactivating "$app.$1.*@*.service" 2>/dev/null |
      awk '{ print $1 }'
  } | sed -n "s/^$app\.\(.*\)\.service$/\1/p" | sort -u
}

# systemdunit_services UNIT…: print their names in systemd.
systemdunit_services() { printf "$app.%s.service\n" "$@"; }

# systemdunit_facts UNIT…: print a line for each: UNIT, "boot" or "-", the id of its process or 0, and its state: up, ended (it will
# be started again), down, or stopping.
systemdunit_facts() {
  local unit pid state boot
  # shellcheck disable=SC2046
  systemctl show -p Id -p MainPID -p ActiveState -p SubState $(systemdunit_services "$@") 2>/dev/null | awk -F = -v app="$app." '
    function said(   unit, state) {
      if (!("Id" in value)) return
      unit = substr(value["Id"], length(app) + 1)
      sub(/\.service$/, "", unit)
      state = "down"
      if (value["ActiveState"] == "deactivating") state = "stopping"
      else if (value["SubState"] ~ /^auto-restart/) state = "ended"
      else if (value["ActiveState"] ~ /^(active|activating|reloading)$/) state = "up"
      print unit, value["MainPID"] + 0, state
      delete value
    }
    /^$/ { said() }
    { value[$1] = $2 }
    END { said() }' | while read -r unit pid state; do
    boot=-
    if [ -L "$systemd_units/multi-user.target.wants/$app.$unit.service" ] &&
      cmp -s -- "$(systemdunit_source "$unit")" "$(systemdunit_template "$unit")"; then boot=boot; fi
    printf '%s %s %s %s\n' "$unit" "$boot" "$pid" "$state"
  done
}

# systemdunit_boot UNIT…: have a boot start them.
systemdunit_boot() {
  local unit template reload
  reload=
  for unit; do
    template=$(systemdunit_template "$unit")
    if cmp -s -- "$(systemdunit_source "$unit")" "$template"; then continue; fi
    if [ -e "$template" ]; then
      file_backup "$template"
      reload=1
    fi
    install -m 0644 -- "$(systemdunit_source "$unit")" "$systemd_units/.$app.process.new" || return 1
    sync -- "$systemd_units/.$app.process.new" || return 1
    mv -f -- "$systemd_units/.$app.process.new" "$template"
  done
  # shellcheck disable=SC2046
  systemctl --no-reload -q enable $(systemdunit_services "$@") || return 1
  if [ -n "$reload" ]; then systemctl daemon-reload; fi
}

# systemdunit_unboot UNIT…: have no boot start them. They keep running.
systemdunit_unboot() {
  # shellcheck disable=SC2046
  systemctl --no-reload -q disable $(systemdunit_services "$@") 2>/dev/null || :
}

# systemdunit_start UNIT…: start them, after systemdunit_boot. Whoever calls this looks at their states afterwards.
systemdunit_start() {
  # shellcheck disable=SC2046
  systemctl start $(systemdunit_services "$@") 2>/dev/null || :
}

# systemdunit_ask UNIT…: have systemd stop them, without waiting.
systemdunit_ask() {
  # shellcheck disable=SC2046
  systemctl --no-block stop $(systemdunit_services "$@") 2>/dev/null || :
}

# systemdunit_end UNIT…: stop them, and wait until they have ended.
systemdunit_end() {
  systemdunit_unboot "$@"
  # shellcheck disable=SC2046
  systemctl stop $(systemdunit_services "$@") 2>/dev/null || :
  # shellcheck disable=SC2046
  systemctl -q reset-failed $(systemdunit_services "$@") 2>/dev/null || :
}

# systemdunit_forget INSTANCE: delete the files of its units, which have ended.
systemdunit_forget() {
  set -- "$systemd_units/$app.$1."*@.service
  if [ ! -e "$1" ]; then return 0; fi
  rm -f -- "$@"
  systemctl daemon-reload
}

# systemdunit_status UNIT: print how its process ended last: "exit status 1", "signal KILL".
systemdunit_status() {
  local said
  said=$(journalctl -q -n 50 -o cat --no-pager -t systemd -u "$app.$1.service" 2>/dev/null | grep 'Main process exited\|Deactivated successfully' | tail -n 1)
  printf '%s\n' "$said" | sed -n 's/.*code=exited, status=\([0-9]*\).*/exit status \1/p; s/.*code=\(killed\|dumped\), status=[0-9]*\/\([A-Z0-9]*\).*/signal \2/p
    s/.*Deactivated successfully.*/exit status 0/p'
}

# systemdunit_ran UNIT: print how many milliseconds its program ran before it ended last; nothing if that is unknown.
systemdunit_ran() {
  journalctl -q -n 50 -o short-monotonic --no-pager -t systemd -u "$app.$1.service" 2>/dev/null | tr -d '[' | awk '
    / Started / { start = $1 }
    / Main process exited| Deactivated successfully/ && start { found = ($1 - start) * 1000; start = "" }
    END { if (found != "") printf "%d\n", found }'
}

systemdunit_restarts() { systemctl show --value -p NRestarts "$app.$1.service" 2>/dev/null || echo 0; }
