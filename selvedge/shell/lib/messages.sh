# Messages from this server, by the program in /usr/local/lib/selvedge/messages (server/messages). Each app has its own addresses; the
# rest is shared, and is deleted with the last app that sends messages.

messages_folder=/usr/local/lib/selvedge
messages_state=/var/lib/selvedge/messages
messages_apprise=/opt/selvedge/apprise

# messages_own: print the paths that belong to the app alone. A host that balances as well has messages of its balancer's site.
messages_own() {
  printf '%s\n' "/etc/selvedge/$app/notify-urls" "/etc/selvedge/$app/notify.json" "$messages_state/$app" "$messages_state/$app.balancer"
}

# messages_shared: print the paths that all apps share.
messages_shared() {
  local unit
  printf '%s\n' "$messages_folder/notify" "$messages_folder/messages" "$messages_apprise" "$messages_state"
  for unit in selvedge-notify@.service selvedge-notify-check.service selvedge-notify-check.timer; do
    printf '%s\n' "/etc/systemd/system/$unit"
  done
  for unit in certbot snap.certbot.renew selvedge-certbot; do
    printf '%s\n' "/etc/systemd/system/$unit.service.d/selvedge-notify.conf"
  done
}

# messages_others: whether another app of this server sends messages.
messages_others() {
  local file
  for file in /etc/selvedge/*/notify-urls; do
    case $file in "/etc/selvedge/$app/notify-urls") continue ;; esac
    if [ -e "$file" ]; then return 0; fi
  done
  return 1
}

# messages_left: print the paths of the messages that exist, those that all apps share only if no other app sends any.
# Values: app
messages_left() {
  # shellcheck disable=SC2046 # no path has a space
  probe_existing $(messages_own) $(messages_others || messages_shared)
}

# messages_remove: delete these paths.
# Values: app
messages_remove() {
  # shellcheck disable=SC2046
  rm -rf -- $(messages_own)
  if messages_others; then return 0; fi
  systemctl -q disable --now selvedge-notify-check.timer 2>/dev/null || :
  # shellcheck disable=SC2046
  rm -rf -- $(messages_shared) /run/selvedge/messages /var/lib/systemd/timers/stamp-selvedge-notify-check.timer
  stamp_remove selvedge-notify-check.timer
  # Only if nothing else is in them.
  rmdir -- "$messages_folder" /etc/systemd/system/certbot.service.d /etc/systemd/system/snap.certbot.renew.service.d \
    /etc/systemd/system/selvedge-certbot.service.d 2>/dev/null || :
  # systemd makes it for the units that send messages, and leaves it.
  systemctl -q stop 'system-selvedge\x2dnotify.slice' 2>/dev/null || :
  systemctl daemon-reload
}

# messages_test BY: send a message for a test, and print what became of it; after $mark, 0 if it has arrived, or `absent`. BY: who
# asked for it.
# Values: app
messages_test() {
  local status
  if ! [ -e "$messages_folder/messages/__main__.py" ] || ! [ -s "/etc/selvedge/$app/notify-urls" ]; then
    printf '%s absent\n' "$mark"
    return 0
  fi
  status=0
  python3 -BIS "$messages_folder/messages" test "$app" "$1" || status=$?
  printf '\n%s %s\n' "$mark" "$status"
}
