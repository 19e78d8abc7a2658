# Backups, by the program in /srv/<app>/backup/program (server/backup).

# backup_program COMMAND [ARGUMENT…]: run the program, which prints its progress. It ends by itself with what a user should know.
# Values: app
backup_program() {
  SELVEDGE_MARK=$mark python3 -BIS "/srv/$app/backup/program" "$@"
}

# backup_token: print the token of the last command that has succeeded.
# Values: app
backup_token() { cat -- "/srv/$app/backup/state/token" 2>/dev/null || :; }

# backup_list: print the backups as JSON. $mark begins the lines of a failure.
# Values: app
backup_list() { backup_answer list; }

# backup_chosen BACKUP: print the backup that a restore would take, as JSON.
# Values: app
backup_chosen() { backup_answer choose "$1"; }

# backup_answer COMMAND [ARGUMENT…]: run a command of the program that prints JSON, if the program is there and has it.
# Values: app
backup_answer() {
  if ! grep -q "^def command_$1(" "/srv/$app/backup/program/__main__.py" 2>/dev/null; then
    printf '%s absent\n' "$mark"
    return 0
  fi
  backup_program "$@"
}

# backup_scan HOST PORT: print the host keys that the backup host shows to this server.
backup_scan() { ssh-keyscan -T 15 -p "$2" -- "$1" 2>/dev/null || :; }

# backup_pin HOST PORT FINGERPRINT FILE: write the key of this fingerprint to a known_hosts file, if the backup host shows it.
backup_pin() {
  local line found
  found=
  backup_scan "$1" "$2" >"$undo/keys"
  [ -s "$undo/keys" ] || step_fail "The backup host $1 did not show a host key on port $2."
  while IFS= read -r line; do
    case $(printf '%s\n' "$line" | ssh-keygen -lf - 2>/dev/null) in *" $3 "*) found=$line ;; esac
  done <"$undo/keys"
  [ -n "$found" ] || step_fail "The backup host $1 shows other host keys than backup.host_key: $(ssh-keygen -lf "$undo/keys" | awk '{ print $2 }' | paste -s -d ' ')."
  printf '%s\n' "$found" | file_put "$4" 0600 root root
}

# backup_live BACKUP: restore a backup in place of the live data. The app stops for the last part, and starts again if it ran.
# With $size, the backup is the file that comes as payload.
# Values: app base run_dir log_dir live_socket site_enabled supervisor_conf health health_host health_ranges health_timeout health_attempts health_interval strategy settle settle_ms token size migrate migrate_timeout
backup_live() {
  local live
  # Until the end of this shell, a backup by schedule leaves the restored files alone.
  exec 6>"/run/selvedge/$app.restoring"
  flock 6
  backup_restore "$1" '' live
  live=$(releases_live)
  # A killed run may have stopped the app, or a part of it.
  if [ -n "$live" ] && { restoring_paused || manager_known "$live" || processes_has "$live"; }; then
    # After a restore whose app did not start, the data is whole, and stays so until `swap` begins.
    if ! restoring_paused; then : >"$base/backup/state/stopped"; fi
    # It says that the site answers 502 until `fab start`; here, only until the end.
    process_stop "$live" | sed -u '/ say the site answers 502 /d'
    # shellcheck disable=SC2046 # no name has a space
    timers_stop $(timers_names)
    if manager_known "$live" || processes_has "$live"; then
      backup_program discard || :
      if ! restoring_half; then backup_start "$live"; fi
      step_fail "The release $live could not be stopped, so nothing was restored."
    fi
  fi
  step_wait "backing up the present data"
  if ! backup_program swap; then
    if ! backup_unfinished "$live"; then
      backup_program discard || :
      backup_start "$live"
    fi
    return 1
  fi
  history_note "$base/history" "$step_by" restore - "${live:--}" good
  if [ -n "$live" ]; then backup_migrate "$live"; fi
  backup_start "$live"
  backup_done
}

# backup_unfinished INSTANCE: whether the app must stay stopped after a restore that has failed, and say so. INSTANCE: the live release,
# "" if it runs on other servers only.
backup_unfinished() {
  if restoring_whole && [ -e "$base/backup/state/not-started" ]; then
    step_say "the data is restored, and the app stays stopped until the other servers are let in"
  elif ! restoring_half; then
    return 1
  elif [ -n "$1" ]; then
    step_say "the restore is not finished, so the app stays stopped: run the same restore again"
  else
    step_say "the restore is not finished: leave the app stopped on the servers that use it, and run the same restore again"
  fi
}

# backup_start INSTANCE: start the live release if backup_live has stopped it.
backup_start() {
  restoring_paused || return 0
  if [ -n "$1" ]; then
    process_start "$1"
    # shellcheck disable=SC2046
    timers_start $(timers_names)
  fi
  restoring_forget
}

# backup_period: print the longest time from one scheduled backup to the next in seconds, nothing if systemd does not know it.
# Values: app
backup_period() {
  local times
  sed -n 's/^OnCalendar=//p' "/etc/systemd/system/selvedge-$app-backup.timer" 2>/dev/null | while IFS= read -r times; do
    LC_ALL=C TZ=UTC systemd-analyze calendar --iterations=8 "$times" 2>/dev/null </dev/null |
      sed -n 's/^ *\(Next elapse\|Iter\. #[0-9]*\): *//p' | LC_ALL=C TZ=UTC date -f - +%s 2>/dev/null |
      awk 'NR > 1 && $1 - before > most { most = $1 - before } { before = $1 } END { if (most) print most }'
  done | sort -n | head -n 1
}

# backup_fact: the state of the backups: "backup-good SECONDS ID WHY REPOSITORY", "backup-failed SECONDS REASON", the same of rehearsals,
# "backup-half yes BACKUP" or "backup-stopped yes BACKUP" after a restore that was cut, with a part of the live data replaced, or none
# of it; "backup-closed yes" after one that has not let the other servers in;
# "backup-unstarted yes" after one whose app did not start; "backup-timer STATE".
# Values: app base
backup_fact() {
  local name
  [ -d "$base/backup/program" ] || return 0
  for name in good failed rehearsed unrehearsed; do
    if [ -s "$base/backup/state/$name" ]; then printf 'backup-%s %s\n' "$name" "$(head -n 1 "$base/backup/state/$name")"; fi
  done
  restoring_fact | sed -n '/ yes/s/^/backup-/p'
  name=$(backup_period)
  [ -z "$name" ] || printf 'backup-period %s\n' "$name"
  printf 'backup-timer %s\n' "$(systemctl is-active "selvedge-$app-backup.timer" 2>/dev/null)"
}

# backup_restore BACKUP KEPT LIVE: restore it beside the live data, where it stays (KEPT), or from where it is put in place (LIVE).
# Values: app size
backup_restore() {
  if [ -n "$size" ]; then
    payload_read "$size" | backup_program restore - "$2" "$3"
  else
    backup_program restore "$1" "$2" "$3"
  fi
}

# backup_migrate INSTANCE: migrate the restored database to the code of the live release. If that fails, the app stays stopped: its
# code does not fit the data.
# Values: app base migrate migrate_timeout
backup_migrate() {
  local new status before
  [ -n "$migrate" ] && [ -x "$base/instances/$1/run" ] || return 0
  new=$1
  status=0
  migrate_command || status=$?
  [ "$status" -ne 0 ] || return 0
  before=$(cat "$base/backup/state/before-restore" 2>/dev/null) || before=
  step_remedy "Correct the migration, then run \`fab deploy\`. To take the restore back: \`fab restore --live --snapshot ${before:-ID}\`."
  step_fail "The backup was restored, but its migration failed (exit status $status): $migrate: $(reason_sentence). The app stays stopped; \`fab start\` starts it without the migration. The data from before the restore is in the backup $before"
}

# backup_take WHY: take a backup.
# Values: app token
backup_take() {
  backup_program take "$1"
  backup_done
}

# backup_before_migration: with backup.before_migrate, take a backup, and keep its id with the release $new. Without one, the release
# is refused.
backup_before_migration() {
  local reason remedy taken
  grep -q '"before_migrate": true' "$base/backup/settings.json" 2>/dev/null || return 0
  # The first release has no data yet, unless `fab remove` has kept it. On a new server its backup would be the newest one.
  [ -n "$old" ] || grep -q "$(printf '\tremove\t')" "$base/history" 2>/dev/null || return 0
  step_wait "taking a backup before the migration"
  backup_program take migration 2>&1 | tee -- "$undo/backup" | sed -u "/^$mark error /d; /^$mark remedy /d"
  reason=$(sed -n "s/^$mark error //p" "$undo/backup" | sed "s/[. ]*$//")
  remedy=$(sed -n "s/^$mark remedy //p" "$undo/backup" | sed "s/[. ]*$//")
  taken=$(sed -n "s/^$mark say backup \([0-9a-f]*\):.*/\1/p" "$undo/backup")
  if [ -z "$taken" ]; then
    switch_refuse "The backup before the migration failed (backup.before_migrate): ${reason:-the program ended early}${remedy:+. $remedy}"
  fi
  printf '%s\n' "$taken" >"$base/instances/$new/backup"
  if [ -n "$reason" ]; then step_say "$reason"; fi
}

# backup_rehearse: restore the newest backup for a test.
# Values: app token
backup_rehearse() {
  backup_program rehearse
  backup_done
}

# backup_done: the whole command has succeeded.
# Values: app token
backup_done() {
  (umask 077 && mkdir -p "/srv/$app/backup/state" && printf '%s' "$token" >"/srv/$app/backup/state/token")
}

# backup_stop: end the timers of the app's backups and what they run, before their files are removed.
# Values: app
backup_stop() {
  local unit
  for unit in "selvedge-$app-backup.timer" "selvedge-$app-rehearsal.timer"; do
    if [ -e "/etc/systemd/system/$unit" ]; then systemctl disable -q --now "$unit" || :; fi
    systemctl stop "${unit%.timer}.service" 2>/dev/null || :
  done
}

# backup_remove FOLDER UNIT…: remove timers with their services, and the folder, "" for none.
backup_remove() {
  local folder unit
  folder=$1
  shift
  for unit; do
    systemctl disable -q --now "$unit.timer" 2>/dev/null || :
    rm -f -- "/etc/systemd/system/$unit.timer" "/etc/systemd/system/$unit.service"
    stamp_remove "$unit.timer"
  done
  systemctl daemon-reload
  [ -z "$folder" ] || backup_delete "$folder"
}

# backup_delete FOLDER: delete the folder, without the data that a restore has put there beside the live data.
backup_delete() {
  [ -d "$1" ] || return 0
  [ -e "$1/restored/kept" ] || rm -rf -- "$1/restored"
  find "$1" -mindepth 1 -maxdepth 1 ! -name replaced ! -name restored -exec rm -rf -- '{}' +
  rmdir -- "$1" 2>/dev/null || step_say "kept, because a restore has put data of the app there: $(find "$1" -mindepth 1 -maxdepth 1 | sort | paste -s -d ' ')"
}

# backup_beside BACKUP: restore a backup beside the live data, where it stays.
# Values: app token size
backup_beside() {
  backup_restore "$1" kept ''
  backup_done
}

# backup_dump: write the newest backup to standard output.
# Values: app
backup_dump() { SELVEDGE_MARK='' python3 -BIS "/srv/$app/backup/program" dump; }
