# nginx loads its files anew. `systemctl reload` ends before nginx has read any of them, and well where it then cannot use them.

# nginx_serving: the workers that take new requests, as paths; those that are on their way out say so in their titles.
nginx_serving() {
  nginx_main=$(cat /run/nginx.pid 2>/dev/null) || return 0
  nginx_workers=$(sed 's,[0-9][0-9]*,/proc/&/cmdline,g' "/proc/$nginx_main/task/$nginx_main/children" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  grep -slaE 'worker process([^ ]|$)' $nginx_workers /dev/null || :
}

# nginx_reload: until new workers have taken over; fails where they do not, with nginx's reason.
nginx_reload() {
  nginx_log=/var/log/nginx/error.log
  nginx_read=$(wc -c <"$nginx_log" 2>/dev/null) || nginx_read=0
  nginx_before=$(nginx_serving)
  systemctl reload nginx
  nginx_waits=0
  while nginx_serving | grep -qxF "$nginx_before"; do
    nginx_words=$(tail -c "+$((nginx_read + 1))" "$nginx_log" 2>/dev/null | sed -n 's/^.*\[emerg\] [0-9#]*: //p')
    # A port that is taken is tried five times, with half a second between.
    if [ "$nginx_waits" -ge 300 ] || { [ -n "$nginx_words" ] && printf '%s\n' "$nginx_words" | grep -qv '^bind() to'; }; then
      step_fail "nginx could not load its configuration and goes on with the one of before: $(printf '%s\n' "${nginx_words:-it has not within 30 seconds}" | head -n 1)"
    fi
    nginx_waits=$((nginx_waits + 1))
    sleep 0.1
  done
}
